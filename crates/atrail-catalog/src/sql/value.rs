//! The values of parameters.

use std::fmt;

use super::Error;

/// A parameter's value. `NULL` has a type, since some databases must know it before they see a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Truth(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// The character that no text may contain: PostgreSQL has no texts with it, so that no catalog accepts one.
const NUL: char = '\0';

/// A text that a statement cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HasNul;

impl fmt::Display for HasNul {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text contains the character U+0000")
    }
}

impl std::error::Error for HasNul {}

/// Reports whether a text can be in a catalog. One that cannot is in none, and a statement that has it fails.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(NUL)
}

impl Value {
    /// Refuses a text that no catalog may have.
    pub(super) fn checked(self) -> Result<Self, Error> {
        match &self {
            Self::Text(Some(text)) if !is_storable(text) => Err(Error::Encode(Box::new(HasNul))),
            _ => Ok(self),
        }
    }
}

/// What can be bound to a parameter.
pub(crate) trait Bind {
    /// Returns the value.
    fn value(self) -> Value;
    /// Returns `NULL` of this type.
    fn null() -> Value;
}

macro_rules! bind {
    ($($variant:ident: $($kind:ty => $value:expr),+;)+) => {$($(
        impl Bind for $kind {
            fn value(self) -> Value {
                let value: fn(Self) -> _ = $value;
                Value::$variant(Some(value(self)))
            }
            fn null() -> Value {
                Value::$variant(None)
            }
        }
    )+)+};
}
bind! {
    Integer: i64 => |value| value, i32 => i64::from, u32 => i64::from, u16 => i64::from, u8 => i64::from;
    Truth: bool => |value| value;
    Text: &str => str::to_owned, String => |value| value;
    Bytes: &[u8] => <[u8]>::to_vec, Vec<u8> => |value| value;
}

impl<T: Bind + Clone> Bind for &T {
    fn value(self) -> Value {
        self.clone().value()
    }
    fn null() -> Value {
        T::null()
    }
}

impl<const N: usize> Bind for [u8; N] {
    fn value(self) -> Value {
        self.as_slice().value()
    }
    fn null() -> Value {
        <&[u8]>::null()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn value(self) -> Value {
        self.map_or_else(T::null, T::value)
    }
    fn null() -> Value {
        T::null()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_the_character_nul_are_refused() {
        let refused = "a\0b".value().checked().unwrap_err();
        assert!(
            matches!(&refused, Error::Encode(why) if why.is::<HasNul>()),
            "{refused}"
        );
        // The controls: other control characters, and bytes.
        for value in ["a\u{1}\n".value(), [0_u8].value(), <&str>::null()] {
            assert_eq!(value.clone().checked().unwrap(), value);
        }
    }
}
