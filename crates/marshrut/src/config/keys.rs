//! One declaration a setting: its name, type, default and explanation.
//!
//! From this one place come the struct that the program reads, the list of known keys, the
//! names of the environment variables and the example file.

/// One setting, for the example file and for naming the nearest known key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Section, `web`.
    pub section: &'static str,
    /// Name in the section, `listen`.
    pub name: &'static str,
    /// What it does, in one or more sentences.
    pub doc: &'static str,
}

impl Key {
    /// The environment variable that sets it, `MARSHRUT_WEB_LISTEN`.
    pub fn variable(&self) -> String {
        format!("MARSHRUT_{}_{}", self.section, self.name).to_uppercase()
    }

    /// The key as it is spoken of, `web.listen`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// Declares sections: a struct each, its defaults, and the table of all keys.
macro_rules! settings {
    ($( $(#[doc = $section_doc:literal])+ $section:ident: $struct:ident {
        $( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, )+
    } )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $struct {
                $( $(#[doc = $doc])+ pub $name: $type, )+
            }

            impl Default for $struct {
                fn default() -> Self {
                    Self { $( $name: $default, )+ }
                }
            }
        )+

        /// All of the configuration.
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $( $(#[doc = $section_doc])+ pub $section: $struct, )+
        }

        /// The sections with what they are about.
        pub const SECTIONS: &[(&str, &str)] = &[ $( (stringify!($section), concat!($($section_doc, "\n"),+)), )+ ];

        /// Every key.
        pub const KEYS: &[$crate::config::keys::Key] = &[ $( $(
            $crate::config::keys::Key {
                section: stringify!($section),
                name: stringify!($name),
                doc: concat!($($doc, "\n"),+),
            },
        )+ )+ ];
    };
}

pub(super) use settings;
