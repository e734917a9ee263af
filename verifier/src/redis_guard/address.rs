//! Where the server of a shared guard is, and its password.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// `redis://[:PASSWORD@]HOST[:PORT][/DATABASE]`: the port is 6379 and the database 0 unless they are given; an IPv6 address stands in
/// brackets; `%` and two hexadecimal digits stand for one byte of the password, as for `@` (`%40`), `/` (`%2F`) and `%` itself (`%25`).
///
/// Neither `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    password: Option<Vec<u8>>,
    host: Host,
    port: u16,
    database: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Ip(IpAddr),
    Name(String),
}

const SCHEME: &str = "redis://";
const PORT: u16 = 6379;
/// Longer than any password that a person was given, and short enough for one packet.
const PASSWORD_LENGTH_MAX: usize = 512;

impl RedisAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// [`RedisAddressError`], which shows no part of the text: it may hold a password.
    pub fn parse(text: &str) -> Result<RedisAddress, RedisAddressError> {
        let rest = match text.strip_prefix(SCHEME) {
            Some(rest) => rest,
            None if text.starts_with("rediss://") => return Err(RedisAddressError::Encrypted),
            None => return Err(RedisAddressError::Scheme),
        };
        let (password, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(parse_password(credentials)?), place),
            None => (None, rest),
        };
        let (host_and_port, database) = match place.split_once('/') {
            Some((before, "")) => (before, 0),
            Some((before, database)) => (before, number(database).ok_or(RedisAddressError::Database)?),
            None => (place, 0),
        };
        let (host, port) = match host_and_port.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']').ok_or(RedisAddressError::Host)?;
                let address = address.parse::<Ipv6Addr>().map_err(|_| RedisAddressError::Host)?;
                (
                    Host::Ip(address.into()),
                    if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(RedisAddressError::Host)?) },
                )
            }
            None => match host_and_port.split_once(':') {
                Some((host, port)) => (parse_host(host)?, Some(port)),
                None => (parse_host(host_and_port)?, None),
            },
        };
        let port = port.map_or(Some(PORT), number).filter(|port| *port != 0).ok_or(RedisAddressError::Port)?;
        Ok(RedisAddress { password, host, port, database })
    }

    /// The whole address with its password, for the place where it is kept; [`parse`](RedisAddress::parse) reads it back.
    pub fn with_password(&self) -> String {
        let mut text = String::from(SCHEME);
        if let Some(password) = &self.password {
            text.push(':');
            for byte in password {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push((*byte).into()),
                    _ => text.push_str(&format!("%{byte:02X}")),
                }
            }
            text.push('@');
        }
        text + &self.place()
    }

    pub(super) fn password(&self) -> Option<&[u8]> {
        self.password.as_deref()
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn database(&self) -> u16 {
        self.database
    }

    /// Host, port and database.
    fn place(&self) -> String {
        let RedisAddress { host, port, database, .. } = self;
        match host {
            Host::Ip(IpAddr::V6(address)) => format!("[{address}]:{port}/{database}"),
            Host::Ip(IpAddr::V4(address)) => format!("{address}:{port}/{database}"),
            Host::Name(name) => format!("{name}:{port}/{database}"),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = if self.password.is_some() { ":***@" } else { "" };
        write!(f, "{SCHEME}{password}{}", self.place())
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

/// A colon and a password.
fn parse_password(credentials: &str) -> Result<Vec<u8>, RedisAddressError> {
    let escaped = credentials.strip_prefix(':').ok_or(RedisAddressError::User)?;
    let mut password = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.bytes();
    while let Some(byte) = bytes.next() {
        password.push(match byte {
            b'%' => match (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit)) {
                (Some(high), Some(low)) => high * 16 + low,
                _ => return Err(RedisAddressError::Password),
            },
            plain => plain,
        });
    }
    if (1..=PASSWORD_LENGTH_MAX).contains(&password.len()) { Ok(password) } else { Err(RedisAddressError::Password) }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// An IPv4 address, or a name of letters, digits, hyphens and dots (RFC 1123, section 2.1).
fn parse_host(text: &str) -> Result<Host, RedisAddressError> {
    if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
        return Ok(Host::Ip(address.into()));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name's last part is no number: 192.168.1 is a mistyped address.
    let is_numeric = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if text.len() > 253 || is_numeric || !text.split('.').all(is_label) {
        return Err(RedisAddressError::Host);
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

/// Decimal digits and nothing else: no sign, no zero in front.
fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number: &u16| number.to_string() == text)
}

/// Why a text is no [`RedisAddress`]. No part of the text is in it, since any part may be a password in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisAddressError {
    /// It does not begin with `redis://`.
    #[error("the guard's address does not begin with redis://; write it like redis://:PASSWORD@192.168.1.10:6379/0")]
    Scheme,
    /// It begins with `rediss://`.
    #[error(
        "the guard's address asks for an encrypted connection, which this program does not make; write redis:// and keep the server in a network of its own"
    )]
    Encrypted,
    /// Something stands before the colon of the password.
    #[error(
        "the guard's address names a user; write only a colon and the password before the @, like redis://:PASSWORD@192.168.1.10"
    )]
    User,
    /// An empty password, one of more than 512 bytes, or a percent sign without two hexadecimal digits.
    #[error(
        "the password in the guard's address cannot be read; write 1 to 512 characters, and %25 for a percent sign, %40 for @, %2F for /"
    )]
    Password,
    /// No host, or none that can exist.
    #[error(
        "the guard's address has no host that can be; give an address or a name, like redis://192.168.1.10 or redis://guard.hall"
    )]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port in the guard's address is not a number from 1 to 65535; leave it out for 6379")]
    Port,
    /// What follows the `/` is not a number from 0 to 65535.
    #[error("the database in the guard's address is not a number from 0 to 65535; leave it out for 0")]
    Database,
}

impl RedisAddressError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            RedisAddressError::Scheme => "GUARD_ADDRESS_SCHEME",
            RedisAddressError::Encrypted => "GUARD_ADDRESS_ENCRYPTED",
            RedisAddressError::User => "GUARD_ADDRESS_USER",
            RedisAddressError::Password => "GUARD_ADDRESS_PASSWORD",
            RedisAddressError::Host => "GUARD_ADDRESS_HOST",
            RedisAddressError::Port => "GUARD_ADDRESS_PORT",
            RedisAddressError::Database => "GUARD_ADDRESS_DATABASE",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            RedisAddressError::Scheme => {
                "共用的查重服务器地址应以redis://开头，请按redis://:密码@192.168.1.10:6379/0的格式填写"
            }
            RedisAddressError::Encrypted => "本程序不支持加密连接，请改用redis://，并把服务器放在专用网络内",
            RedisAddressError::User => {
                "共用的查重服务器地址不能写用户名，@之前只写冒号和密码，例如redis://:密码@192.168.1.10"
            }
            RedisAddressError::Password => {
                "共用的查重服务器地址中的密码无法读取，应为1至512个字符，百分号写作%25，@写作%40，/写作%2F"
            }
            RedisAddressError::Host => {
                "共用的查重服务器地址中没有可用的主机，请填写IP地址或主机名，例如redis://192.168.1.10"
            }
            RedisAddressError::Port => "共用的查重服务器地址中的端口应为1至65535的数字，使用6379时可不写",
            RedisAddressError::Database => "共用的查重服务器地址中的数据库编号应为0至65535的数字，使用0时可不写",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        RedisAddress::parse(text).unwrap().to_string()
    }

    fn refused(text: &str) -> RedisAddressError {
        RedisAddress::parse(text).unwrap_err()
    }

    #[test]
    fn addresses_are_read_with_what_they_leave_out() {
        assert_eq!(shown("redis://192.168.1.10"), "redis://192.168.1.10:6379/0");
        assert_eq!(shown("redis://192.168.1.10/"), "redis://192.168.1.10:6379/0");
        assert_eq!(shown("redis://Guard.Hall:1"), "redis://guard.hall:1/0");
        assert_eq!(shown("redis://localhost:65535/65535"), "redis://localhost:65535/65535");
        assert_eq!(shown("redis://[::1]"), "redis://[::1]:6379/0");
        assert_eq!(shown("redis://:x@[fe80::1]:7000/3"), "redis://:***@[fe80::1]:7000/3");
        assert!(RedisAddress::parse(&format!("redis://{}", "a.".repeat(126) + "a")).is_ok());
        assert!(RedisAddress::parse(&format!("redis://{}", "a".repeat(63))).is_ok());
    }

    #[test]
    fn a_password_is_kept_and_not_shown() {
        let address = RedisAddress::parse("redis://:a%40%2fb:c@d@10.0.0.1").unwrap();
        assert_eq!(address.password(), Some("a@/b:c@d".as_bytes()));
        assert_eq!(
            (address.to_string().as_str(), address.port(), address.database()),
            ("redis://:***@10.0.0.1:6379/0", 6379, 0)
        );
        assert_eq!(format!("{address:?}"), "RedisAddress(redis://:***@10.0.0.1:6379/0)");
        assert_eq!(RedisAddress::parse(&address.with_password()), Ok(address.clone()));
        assert_eq!(address.with_password(), "redis://:a%40%2Fb%3Ac%40d@10.0.0.1:6379/0");
        let plain = RedisAddress::parse("redis://10.0.0.1").unwrap();
        assert_eq!((plain.password(), plain.with_password().as_str()), (None, "redis://10.0.0.1:6379/0"));
        let longest = format!("redis://:{}@h", "p".repeat(512));
        assert!(RedisAddress::parse(&longest).is_ok());
        let slash = RedisAddress::parse("redis://:pa/ss@host").unwrap();
        assert_eq!((slash.password(), slash.host()), (Some("pa/ss".as_bytes()), &Host::Name("host".into())));
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
        use RedisAddressError::{Database, Encrypted, Host, Password, Port, Scheme, User};
        let long = format!("redis://:{}@h", "p".repeat(513));
        let cases = [
            ("", Scheme),
            ("192.168.1.10:6379", Scheme),
            ("http://192.168.1.10", Scheme),
            ("rediss://192.168.1.10", Encrypted),
            ("redis://user:Secret42@host", User),
            ("redis://Secret42@host", User),
            ("redis://:@host", Password),
            ("redis://:Secret42%@host", Password),
            ("redis://:Secret42%4@host", Password),
            ("redis://:Secret42%4g@host", Password),
            (long.as_str(), Password),
            ("redis://", Host),
            ("redis://:Secret42", Host),
            ("redis://:Secret42@", Host),
            ("redis:///0", Host),
            ("redis://192.168.1", Host),
            ("redis://192.168.1.300", Host),
            ("redis://a..b", Host),
            ("redis://-a", Host),
            ("redis://a-", Host),
            ("redis://a_b", Host),
            ("redis://a b", Host),
            ("redis://窗口", Host),
            ("redis://[::1", Host),
            ("redis://[::1]6379", Host),
            ("redis://[127.0.0.1]", Host),
            ("redis://host:0", Port),
            ("redis://host:65536", Port),
            ("redis://host:", Port),
            ("redis://host:+1", Port),
            ("redis://host:01", Port),
            ("redis://host:Secret42", Port),
            ("redis://host:1:2", Port),
            ("redis://host/65536", Database),
            ("redis://host/0/1", Database),
            ("redis://host/0?x=1", Database),
            ("redis://host/Secret42", Database),
        ];
        for (text, error) in cases {
            assert_eq!(refused(text), error, "{text}");
            assert!(!format!("{error} {error:?} {}", error.zh()).contains("Secret42"));
        }
        assert_eq!(refused(&format!("redis://{}", "a".repeat(64))), Host);
        assert_eq!(refused(&format!("redis://{}", "a.".repeat(126) + "aa")), Host);
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        use RedisAddressError::{Database, Encrypted, Host, Password, Port, Scheme, User};
        let all = [Scheme, Encrypted, User, Password, Host, Port, Database];
        for (at, one) in all.iter().enumerate() {
            assert!(one.code().starts_with("GUARD_ADDRESS_") && !one.zh().is_ascii());
            for other in all.iter().skip(at + 1) {
                assert_ne!(one.code(), other.code());
                assert_ne!(one.zh(), other.zh());
                assert_ne!(one.to_string(), other.to_string());
            }
        }
    }
}
