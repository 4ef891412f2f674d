//! The values of parameters.

/// A parameter's value. `NULL` has a type, since some databases must know it before they see a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Truth(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
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
