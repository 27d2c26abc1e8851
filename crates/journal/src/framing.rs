//! Reports one after the other: each its length (4 bytes, little-endian) and its own bytes.

use std::sync::Arc;

const LENGTH_BYTES: usize = 4;

/// Bytes that a report of so many bytes takes.
pub fn framed_bytes(report: usize) -> usize {
    LENGTH_BYTES + report
}

/// Appends a report's bytes, those of [`model::Report::encode`].
pub fn push_framed(report: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(report.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(report);
}

/// The reports' bytes, in order, up to the end or to where one is cut short.
pub fn framed(mut rest: &[u8]) -> impl Iterator<Item = Result<&[u8], Arc<str>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = || Arc::<str>::from("a report is cut short");
        let next = rest.split_first_chunk::<LENGTH_BYTES>().and_then(|(length, tail)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            tail.split_at_checked(length)
        });
        let (report, tail) = next.unwrap_or_default();
        rest = tail;
        Some(next.map(|_| report).ok_or_else(cut))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_framed_comes_back_and_what_is_cut_is_told() {
        let mut bytes = Vec::new();
        for report in [&b"one"[..], b"", b"three"] {
            push_framed(report, &mut bytes);
        }
        assert_eq!(bytes.len(), framed_bytes(3) + framed_bytes(0) + framed_bytes(5));
        let read: Result<Vec<_>, _> = framed(&bytes).collect();
        assert_eq!(read.unwrap(), [&b"one"[..], b"", b"three"]);
        for end in [1, 3, 5, 9, 12, bytes.len() - 1] {
            let read: Vec<_> = framed(&bytes[..end]).collect();
            assert!(read.last().unwrap().is_err(), "cut at {end}");
            assert!(read.iter().rev().skip(1).all(Result::is_ok), "cut at {end}");
        }
    }
}
