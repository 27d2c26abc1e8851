//! Checksums, by the names of the catalogue of parametrised CRC algorithms.

use crc::{Crc, Table};
use crc_fast::CrcAlgorithm;

/// Bytes up to which tables are faster than `crc-fast`, which costs the same for any call first.
const SHORT: usize = 192;
/// Bytes that the tables take at a time.
const BLOCK: usize = 16;
/// Fewer bytes than these left over cost less byte by byte.
const FEW: usize = 6;

/// One function for each CRC of two bytes.
macro_rules! crc16 {
    ($($(#[$doc:meta])* $name:ident = $catalogue:ident $long:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[inline]
        pub(crate) fn $name(bytes: &[u8]) -> u16 {
            static TABLES: Crc<u16, Table<BLOCK>> = Crc::<u16, Table<BLOCK>>::new(&crc::$catalogue);
            if bytes.len() <= SHORT {
                short(&TABLES, bytes)
            } else {
                u16::try_from(crc_fast::checksum(CrcAlgorithm::$long, bytes)).unwrap_or_default()
            }
        }
    )+ };
}

crc16! {
    /// CRC-16/ARC: 0x8005 reflected, from zero. Teltonika's manual calls it CRC-16/IBM.
    crc16_arc = CRC_16_ARC Crc16Arc,
    /// CRC-16/MODBUS: 0x8005 reflected, from 0xffff.
    crc16_modbus = CRC_16_MODBUS Crc16Modbus,
    /// CRC-16/IBM-SDLC, also X-25: 0x1021 reflected, from 0xffff, inverted.
    crc16_x25 = CRC_16_IBM_SDLC Crc16IbmSdlc,
    /// CRC-16/KERMIT: 0x1021 reflected, from zero.
    crc16_kermit = CRC_16_KERMIT Crc16Kermit,
    /// CRC-16/IBM-3740, also CCITT-FALSE: 0x1021, from 0xffff.
    crc16_ccitt_false = CRC_16_IBM_3740 Crc16Ibm3740,
}

/// By tables that take 16 bytes at a time, and what is left over first, not last and byte by byte:
/// zeros before it change nothing in a register of zero, and any other register is one of zero
/// and the first two bytes changed by it.
#[inline]
fn short(tables: &Crc<u16, Table<BLOCK>>, bytes: &[u8]) -> u16 {
    let register = tables.algorithm.init;
    let odd = bytes.len() % BLOCK;
    let (Some(first), Some(blocks), FEW..) = (bytes.first_chunk::<BLOCK>(), bytes.get(odd..), odd) else {
        return tables.checksum(bytes);
    };
    let register = if tables.algorithm.refin { register.reverse_bits() } else { register.swap_bytes() };
    let first = (u128::from_le_bytes(*first) ^ u128::from(register)) << (8 * (BLOCK - odd));
    let mut digest = tables.digest_with_initial(0);
    digest.update(&first.to_le_bytes());
    digest.update(blocks);
    digest.finalize()
}

/// CRC-8/NRSC-5: 0x31, from 0xff.
#[inline]
pub(crate) fn crc8_nrsc5(bytes: &[u8]) -> u8 {
    static TABLE: crc::Crc<u8> = crc::Crc::<u8>::new(&crc::CRC_8_NRSC_5);
    TABLE.checksum(bytes)
}

/// All bytes exclusively or-ed.
#[inline]
pub(crate) fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// All bytes added, modulo 256.
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_check_values() {
        let check = b"123456789";
        assert_eq!(crc16_arc(check), 0xbb3d);
        assert_eq!(crc16_modbus(check), 0x4b37);
        assert_eq!(crc16_x25(check), 0x906e);
        assert_eq!(crc16_kermit(check), 0x2189);
        assert_eq!(crc16_ccitt_false(check), 0x29b1);
        assert_eq!(crc8_nrsc5(check), 0xf7);
        assert_eq!((xor(&[1, 2, 4]), sum(&[255, 2])), (7, 1));
    }

    type Pair = (fn(&[u8]) -> u16, CrcAlgorithm);

    #[test]
    fn tables_and_instructions_agree_at_any_length() {
        let bytes: Vec<u8> = (0..=250u8).cycle().map(|b| b.wrapping_mul(37)).take(2 * SHORT).collect();
        let both: [Pair; 5] = [
            (crc16_arc, CrcAlgorithm::Crc16Arc),
            (crc16_modbus, CrcAlgorithm::Crc16Modbus),
            (crc16_x25, CrcAlgorithm::Crc16IbmSdlc),
            (crc16_kermit, CrcAlgorithm::Crc16Kermit),
            (crc16_ccitt_false, CrcAlgorithm::Crc16Ibm3740),
        ];
        for (ours, theirs) in both {
            for len in 0..bytes.len() {
                assert_eq!(u64::from(ours(&bytes[..len])), crc_fast::checksum(theirs, &bytes[..len]), "{len} bytes");
            }
        }
    }
}
