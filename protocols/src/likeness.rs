//! How much the start of a connection looks like a protocol.

/// What a protocol says to the first bytes of a connection that may be any protocol's.
///
/// It is asked again with the same bytes and more; after [`Likeness::No`] it must not come
/// back to anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// It never begins so.
    No,
    /// Nothing speaks against it so far.
    Possible,
    /// It begins so, though another protocol might by chance.
    Likely,
    /// Only it begins so: a signature of several bytes, or a checksum that fits.
    Certain,
}

impl Likeness {
    /// For protocols whose messages begin with fixed bytes: [`Likeness::No`] where they
    /// differ, `whole` where all are there, [`Likeness::Possible`] before that.
    pub(crate) fn prefix(input: &[u8], signature: &[u8], whole: Self) -> Self {
        if input.len() >= signature.len() {
            if input.starts_with(signature) { whole } else { Self::No }
        } else if signature.starts_with(input) {
            Self::Possible
        } else {
            Self::No
        }
    }

    /// The most that any of several signatures gives.
    pub(crate) fn any(input: &[u8], signatures: &[(&[u8], Self)]) -> Self {
        signatures.iter().map(|(s, whole)| Self::prefix(input, s, *whole)).max().unwrap_or(Self::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_possible_until_it_is_whole() {
        let of = |input: &[u8]| Likeness::any(input, &[(b"*HQ,", Likeness::Certain), (b"$", Likeness::Likely)]);
        assert_eq!(of(b""), Likeness::Possible);
        assert_eq!(of(b"*H"), Likeness::Possible);
        assert_eq!(of(b"*HQ,1"), Likeness::Certain);
        assert_eq!(of(b"$1"), Likeness::Likely);
        assert_eq!(of(b"*HX"), Likeness::No);
    }
}
