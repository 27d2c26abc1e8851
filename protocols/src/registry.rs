//! All protocols that a listener can speak.

use crate::auto::Auto;
use crate::{
    Decoder, Encoder, Likeness, adm, arnavi, atrack, bce, calamp, castel, cellocator, digital_matter, eelink, egts,
    flespi, galileosky, gps103, gt06, h02, jt808, meitrack, navtelecom, omnicomm, osmand, owntracks, queclink, ruptela,
    satsol, suntech, teltonika, tk103, topflytech, wialon_combine, wialon_ips, wialon_retranslator,
};

/// A protocol of trackers over TCP, UDP or both.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name in the configuration and on the command line.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The port it usually has.
    pub default_port: u16,
    /// Most bytes that one message may have; a buffer of this size always makes progress.
    pub max_frame: usize,
    /// A decoder for a new connection.
    pub decoder: fn() -> Box<dyn Decoder>,
    /// A decoder for the datagrams of one sender; `None` where it is spoken over TCP alone.
    pub datagrams: Option<fn() -> Box<dyn Decoder>>,
    /// How much the first bytes of a connection look like it.
    pub likeness: fn(&[u8]) -> Likeness,
    /// What a device of it sends over a connection; `None` for `auto`.
    pub encoder: Option<Encoder>,
}

/// One line a protocol, in alphabetical order.
#[rustfmt::skip]
pub static REGISTRY: &[Protocol] = &[
    Protocol { name: "adm", title: "Neomatica ADM", default_port: 5092, max_frame: adm::MAX_FRAME, decoder: || Box::new(adm::Adm::default()), datagrams: None, likeness: adm::likeness, encoder: Some(adm::encode::ENCODER) },
    Protocol { name: "arnavi", title: "Arnavi", default_port: 5080, max_frame: arnavi::MAX_FRAME, decoder: || Box::new(arnavi::Arnavi::default()), datagrams: Some(|| Box::new(arnavi::Arnavi::default())), likeness: arnavi::likeness, encoder: Some(arnavi::encode::ENCODER) },
    Protocol { name: "atrack", title: "ATrack", default_port: 5094, max_frame: atrack::MAX_FRAME, decoder: || Box::new(atrack::Atrack::default()), datagrams: Some(|| Box::new(atrack::Atrack::default())), likeness: atrack::likeness, encoder: Some(atrack::encode::ENCODER) },
    Protocol { name: "bce", title: "BCE", default_port: 5081, max_frame: bce::MAX_FRAME, decoder: || Box::new(bce::Bce::default()), datagrams: None, likeness: bce::likeness, encoder: Some(bce::encode::ENCODER) },
    Protocol { name: "calamp", title: "CalAmp", default_port: 5085, max_frame: calamp::MAX_FRAME, decoder: || Box::new(calamp::CalAmp::default()), datagrams: Some(|| Box::new(calamp::CalAmp::datagrams())), likeness: calamp::likeness, encoder: Some(calamp::encode::ENCODER) },
    Protocol { name: "castel", title: "Castel", default_port: 5086, max_frame: castel::MAX_FRAME, decoder: || Box::new(castel::Castel::default()), datagrams: Some(|| Box::new(castel::Castel::default())), likeness: castel::likeness, encoder: Some(castel::encode::ENCODER) },
    Protocol { name: "cellocator", title: "Cellocator", default_port: 5072, max_frame: cellocator::MAX_FRAME, decoder: || Box::new(cellocator::Cellocator::default()), datagrams: Some(|| Box::new(cellocator::Cellocator::default())), likeness: cellocator::likeness, encoder: Some(cellocator::encode::ENCODER) },
    Protocol { name: "digital-matter", title: "Digital Matter", default_port: 5137, max_frame: digital_matter::MAX_FRAME, decoder: || Box::new(digital_matter::DigitalMatter::default()), datagrams: Some(|| Box::new(digital_matter::DigitalMatter::default())), likeness: digital_matter::likeness, encoder: Some(digital_matter::encode::ENCODER) },
    Protocol { name: "eelink", title: "EELINK", default_port: 5064, max_frame: eelink::MAX_FRAME, decoder: || Box::new(eelink::Eelink::default()), datagrams: Some(|| Box::new(eelink::Eelink::default())), likeness: eelink::likeness, encoder: Some(eelink::encode::ENCODER) },
    Protocol { name: "egts", title: "EGTS", default_port: 5107, max_frame: egts::MAX_FRAME, decoder: || Box::new(egts::Egts::default()), datagrams: None, likeness: egts::likeness, encoder: Some(egts::encode::ENCODER) },
    Protocol { name: "flespi", title: "flespi", default_port: 5149, max_frame: flespi::MAX_FRAME, decoder: || Box::new(flespi::Flespi::default()), datagrams: None, likeness: flespi::likeness, encoder: Some(flespi::encode::ENCODER) },
    Protocol { name: "galileosky", title: "Galileosky", default_port: 5034, max_frame: galileosky::MAX_FRAME, decoder: || Box::new(galileosky::Galileosky::default()), datagrams: None, likeness: galileosky::likeness, encoder: Some(galileosky::encode::ENCODER) },
    Protocol { name: "gps103", title: "GPS103, Coban", default_port: 5001, max_frame: gps103::MAX_FRAME, decoder: || Box::new(gps103::Gps103::default()), datagrams: Some(|| Box::new(gps103::Gps103::default())), likeness: gps103::likeness, encoder: Some(gps103::encode::ENCODER) },
    Protocol { name: "gt06", title: "GT06, Concox and Jimi", default_port: 5023, max_frame: gt06::MAX_FRAME, decoder: || Box::new(gt06::Gt06::default()), datagrams: Some(|| Box::new(gt06::Gt06::default())), likeness: gt06::likeness, encoder: Some(gt06::encode::ENCODER) },
    Protocol { name: "h02", title: "H02, SinoTrack", default_port: 5013, max_frame: h02::MAX_FRAME, decoder: || Box::new(h02::H02::default()), datagrams: Some(|| Box::new(h02::H02::default())), likeness: h02::likeness, encoder: Some(h02::encode::ENCODER) },
    Protocol { name: "jt808", title: "JT/T 808", default_port: 5015, max_frame: jt808::MAX_FRAME, decoder: || Box::new(jt808::Jt808::default()), datagrams: Some(|| Box::new(jt808::Jt808::default())), likeness: jt808::likeness, encoder: Some(jt808::encode::ENCODER) },
    Protocol { name: "meitrack", title: "Meitrack", default_port: 5020, max_frame: meitrack::MAX_FRAME, decoder: || Box::new(meitrack::Meitrack::default()), datagrams: Some(|| Box::new(meitrack::Meitrack::default())), likeness: meitrack::likeness, encoder: Some(meitrack::encode::ENCODER) },
    Protocol { name: "navtelecom", title: "Navtelecom", default_port: 5018, max_frame: navtelecom::MAX_FRAME, decoder: || Box::new(navtelecom::Navtelecom::default()), datagrams: Some(|| Box::new(navtelecom::Navtelecom::default())), likeness: navtelecom::likeness, encoder: Some(navtelecom::encode::ENCODER) },
    Protocol { name: "omnicomm", title: "Omnicomm", default_port: 5077, max_frame: omnicomm::MAX_FRAME, decoder: || Box::new(omnicomm::Omnicomm::default()), datagrams: None, likeness: omnicomm::likeness, encoder: Some(omnicomm::encode::ENCODER) },
    Protocol { name: "osmand", title: "OsmAnd and Traccar Client", default_port: 5055, max_frame: osmand::MAX_FRAME, decoder: || Box::new(osmand::OsmAnd::default()), datagrams: None, likeness: osmand::likeness, encoder: Some(osmand::encode::ENCODER) },
    Protocol { name: "owntracks", title: "OwnTracks", default_port: 5144, max_frame: owntracks::MAX_FRAME, decoder: || Box::new(owntracks::OwnTracks::default()), datagrams: None, likeness: owntracks::likeness, encoder: Some(owntracks::encode::ENCODER) },
    Protocol { name: "queclink", title: "Queclink", default_port: 5004, max_frame: queclink::MAX_FRAME, decoder: || Box::new(queclink::Queclink::default()), datagrams: Some(|| Box::new(queclink::Queclink::default())), likeness: queclink::likeness, encoder: Some(queclink::encode::ENCODER) },
    Protocol { name: "ruptela", title: "Ruptela", default_port: 5046, max_frame: ruptela::MAX_FRAME, decoder: || Box::new(ruptela::Ruptela::default()), datagrams: Some(|| Box::new(ruptela::Ruptela::default())), likeness: ruptela::likeness, encoder: Some(ruptela::encode::ENCODER) },
    Protocol { name: "satsol", title: "Satsol SAT-LITE", default_port: 5105, max_frame: satsol::MAX_FRAME, decoder: || Box::new(satsol::Satsol::default()), datagrams: None, likeness: satsol::likeness, encoder: Some(satsol::encode::ENCODER) },
    Protocol { name: "suntech", title: "Suntech", default_port: 5011, max_frame: suntech::MAX_FRAME, decoder: || Box::new(suntech::Suntech::default()), datagrams: Some(|| Box::new(suntech::Suntech::default())), likeness: suntech::likeness, encoder: Some(suntech::encode::ENCODER) },
    Protocol { name: "teltonika", title: "Teltonika", default_port: 5027, max_frame: teltonika::MAX_FRAME, decoder: || Box::new(teltonika::Teltonika::default()), datagrams: Some(|| Box::new(teltonika::udp::Datagrams::default())), likeness: teltonika::likeness, encoder: Some(teltonika::encode::ENCODER) },
    Protocol { name: "tk103", title: "TK103, Xexun", default_port: 5002, max_frame: tk103::MAX_FRAME, decoder: || Box::new(tk103::Tk103::default()), datagrams: Some(|| Box::new(tk103::Tk103::default())), likeness: tk103::likeness, encoder: Some(tk103::encode::ENCODER) },
    Protocol { name: "topflytech", title: "TOPFLYtech", default_port: 5066, max_frame: topflytech::MAX_FRAME, decoder: || Box::new(topflytech::Topflytech::default()), datagrams: Some(|| Box::new(topflytech::Topflytech::default())), likeness: topflytech::likeness, encoder: Some(topflytech::encode::ENCODER) },
    Protocol { name: "wialon-combine", title: "Wialon Combine", default_port: 5040, max_frame: wialon_combine::MAX_FRAME, decoder: || Box::new(wialon_combine::WialonCombine::default()), datagrams: None, likeness: wialon_combine::likeness, encoder: Some(wialon_combine::encode::ENCODER) },
    Protocol { name: "wialon-ips", title: "Wialon IPS", default_port: 5039, max_frame: wialon_ips::MAX_FRAME, decoder: || Box::new(wialon_ips::WialonIps::default()), datagrams: Some(|| Box::new(wialon_ips::WialonIps::default())), likeness: wialon_ips::likeness, encoder: Some(wialon_ips::encode::ENCODER) },
    Protocol { name: "wialon-retranslator", title: "Wialon Retranslator", default_port: 5041, max_frame: wialon_retranslator::MAX_FRAME, decoder: || Box::new(wialon_retranslator::WialonRetranslator::default()), datagrams: None, likeness: wialon_retranslator::likeness, encoder: Some(wialon_retranslator::encode::ENCODER) },
];

/// One port for all of them.
pub static AUTO: Protocol = Protocol {
    name: "auto",
    title: "any protocol, recognised from its first bytes",
    default_port: 5000,
    max_frame: MAX_FRAME,
    decoder: || Box::new(Auto::default()),
    datagrams: Some(|| Box::new(Auto::datagrams())),
    likeness: |_| Likeness::No,
    encoder: None,
};

/// The largest frame of any protocol.
const MAX_FRAME: usize = {
    let (mut most, mut i) = (0, 0);
    while i < REGISTRY.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        let frame = REGISTRY[i].max_frame;
        if frame > most {
            most = frame;
        }
        i += 1;
    }
    most
};

/// The names of all of them, and of `auto`.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().chain([&AUTO]).map(|p| p.name)
}

/// The protocol of that name; `_` counts as `-` and case does not matter.
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    let same = |a: u8, b: u8| a.eq_ignore_ascii_case(&b) || (a == b'-' && b == b'_');
    REGISTRY
        .iter()
        .chain([&AUTO])
        .find(|p| p.name.len() == name.len() && p.name.bytes().zip(name.bytes()).all(|(a, b)| same(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_spelt() {
        for protocol in REGISTRY.iter().chain([&AUTO]) {
            assert_eq!(by_name(&protocol.name.to_uppercase().replace('-', "_")).unwrap().name, protocol.name);
        }
        assert!(by_name("wialon").is_none());
        assert!(REGISTRY.is_sorted_by_key(|p| p.name));
    }

    #[test]
    fn no_two_listen_on_the_same_port_by_default() {
        let mut ports: Vec<_> = REGISTRY.iter().chain([&AUTO]).map(|p| p.default_port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), REGISTRY.len() + 1);
    }

    #[test]
    fn nothing_speaks_against_a_protocol_before_the_first_byte() {
        for protocol in REGISTRY {
            assert_eq!((protocol.likeness)(b""), Likeness::Possible, "{}", protocol.name);
        }
    }
}
