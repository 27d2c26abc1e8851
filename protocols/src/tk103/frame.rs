//! A frame apart: the terminal's number, the command and its body.

/// Digits of a number in front of a command that no comma sets off.
const MIN_DIGITS: usize = 9;
const MAX_DIGITS: usize = 16;
/// Of numbers with letters the manual's twelve characters are taken.
const NUMBER: usize = 12;
const COMMAND: usize = 4;

/// What is between the brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub number: &'a [u8],
    pub command: &'a [u8; COMMAND],
    /// Commas set the fields apart, and dates have their day first.
    pub is_listed: bool,
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    pub fn split(inner: &'a [u8]) -> Option<Self> {
        let digits = inner.iter().take_while(|b| b.is_ascii_digit()).count();
        let plain = |at: usize| {
            let (number, rest) = inner.split_at_checked(at)?;
            let (command, body) = command(rest)?;
            Some(Self { number, command, is_listed: false, body })
        };
        if (MIN_DIGITS..=MAX_DIGITS).contains(&digits)
            && let Some(frame) = plain(digits)
        {
            return Some(frame);
        }
        if let Some(at) = inner.iter().position(|b| *b == b',')
            && let (number @ [_, ..], rest) = inner.split_at_checked(at)?
            && let Some((command, body)) = command(rest.get(1..)?)
        {
            return Some(Self { number, command, is_listed: true, body });
        }
        plain(NUMBER).filter(|frame| frame.number.iter().all(u8::is_ascii_alphanumeric))
    }
}

/// Two letters and two digits or letters, and what follows them.
fn command(rest: &[u8]) -> Option<(&[u8; COMMAND], &[u8])> {
    let (command, body) = rest.split_first_chunk::<COMMAND>()?;
    let [a, b, c, d] = command;
    let right = [a, b].iter().all(|x| x.is_ascii_uppercase())
        && [c, d].iter().all(|x| x.is_ascii_uppercase() || x.is_ascii_digit());
    right.then_some((command, body))
}

/// Where the bracket is that closes the frame; brackets between two `$`, of which the first
/// follows a comma, are words. Without a second `$` there are no such words in it.
pub(super) fn end(input: &[u8], close: u8, is_whole: bool) -> Option<usize> {
    let (mut at, mut before) = (1, 0);
    while let Some(byte) = input.get(at) {
        match byte {
            b'$' if before == b',' => {
                let words = input.get(at + 1..).unwrap_or_default();
                match words.iter().position(|b| *b == b'$') {
                    Some(len) => at += len + 1,
                    None if is_whole => {}
                    None => return None,
                }
            }
            byte if *byte == close => return Some(at),
            _ => {}
        }
        before = *byte;
        at += 1;
    }
    None
}
