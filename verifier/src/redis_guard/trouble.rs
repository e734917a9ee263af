//! Why a shared guard cannot tell, in words.

use std::fmt;
use std::io;

use credential_format::timestamp::Timestamp;

use super::PATIENCE;
use super::address::RedisAddress;

/// Why a shared guard cannot tell. [`Display`](fmt::Display) says what is wrong, [`remedy`](GuardTrouble::remedy) what to do, and
/// [`zh`](GuardTrouble::zh) both in Chinese. No password and no code of a holder is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardTrouble {
    server: String,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The network says no, with these words.
    Unreachable(io::ErrorKind),
    UnknownName,
    /// Nothing in the time that an attempt may take.
    Silent,
    /// The connection was closed before the answer.
    HungUp,
    NotRedis,
    Password,
    Database(u16),
    Starting,
    Replica,
    /// Another role since the connection was made.
    RoleChanged,
    /// By this policy.
    Evicts(String),
    Full,
    /// With another error, of this name.
    Refused(String),
    /// Codes made until then.
    Forgot(Timestamp),
    /// As `Forgot`, until a time that is too far ahead to be true.
    ClocksDiffer(Timestamp),
    AnswerLost,
}

impl Fault {
    /// Whether a new connection may go better at once.
    pub(super) fn is_of_the_link(&self) -> bool {
        matches!(self, Fault::Unreachable(_) | Fault::Silent | Fault::HungUp | Fault::RoleChanged)
    }
}

impl GuardTrouble {
    pub(super) fn new(address: &RedisAddress, fault: Fault) -> GuardTrouble {
        GuardTrouble { server: address.to_string(), fault }
    }

    /// A stable name of the trouble.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Unreachable(_) => "GUARD_UNREACHABLE",
            Fault::UnknownName => "GUARD_UNKNOWN_NAME",
            Fault::Silent => "GUARD_SILENT",
            Fault::HungUp => "GUARD_HUNG_UP",
            Fault::NotRedis => "GUARD_NOT_REDIS",
            Fault::Password => "GUARD_PASSWORD",
            Fault::Database(_) => "GUARD_DATABASE",
            Fault::Starting => "GUARD_STARTING",
            Fault::Replica => "GUARD_REPLICA",
            Fault::RoleChanged => "GUARD_ROLE_CHANGED",
            Fault::Evicts(_) => "GUARD_EVICTS",
            Fault::Full => "GUARD_FULL",
            Fault::Refused(_) => "GUARD_REFUSED",
            Fault::Forgot(_) => "GUARD_FORGOT",
            Fault::ClocksDiffer(_) => "GUARD_CLOCKS_DIFFER",
            Fault::AnswerLost => "GUARD_ANSWER_LOST",
        }
    }

    /// What to do next.
    pub fn remedy(&self) -> &'static str {
        match self.fault {
            Fault::Unreachable(_) | Fault::Silent => {
                "check the network cable, the server and its firewall, then scan a new code"
            }
            Fault::UnknownName => "check the name in the guard's address, or give the server's IP address instead",
            Fault::HungUp => "scan a new code; if it stays so, look in the server's log",
            Fault::NotRedis => "check the host and port of the guard's address",
            Fault::Password => {
                "set the guard's address with the server's password, and let that account use SET, GET and INFO"
            }
            Fault::Database(_) => "give a database that the server has, or leave it out",
            Fault::Starting => "wait until the server has read its data, then scan a new code",
            Fault::Replica => "give the address of the master",
            Fault::RoleChanged => "scan a new code",
            Fault::Evicts(_) => "set maxmemory-policy noeviction at the server",
            Fault::Full => "give the server more memory (maxmemory)",
            Fault::Refused(_) => "look in the server's log",
            Fault::Forgot(_) => "scan a code that is made after that time",
            Fault::ClocksDiffer(_) => {
                "set the clocks of all counters, then delete the server's keys juma:guard:since:* and wait for two minutes"
            }
            Fault::AnswerLost => "scan a new code",
        }
    }

    /// What is wrong and what to do, in Chinese.
    pub fn zh(&self) -> String {
        let server = &self.server;
        match &self.fault {
            Fault::Unreachable(_) => format!("无法连接共用的查重服务器{server}，请检查网线、服务器和防火墙后扫描新码"),
            Fault::UnknownName => format!("找不到共用的查重服务器{server}的主机名，请核对地址，或改填IP地址"),
            Fault::Silent => format!(
                "共用的查重服务器{server}在{}毫秒内没有应答，请检查网线、服务器和防火墙后扫描新码",
                PATIENCE.as_millis()
            ),
            Fault::HungUp => format!("共用的查重服务器{server}未作答即断开，请扫描新码；如仍如此，请查看服务器日志"),
            Fault::NotRedis => format!("{server}的应答不是Redis服务器的应答，请核对主机和端口"),
            Fault::Password => {
                format!(
                    "共用的查重服务器{server}不接受地址中的密码或权限不足，请重新设置地址和密码，并允许SET、GET、INFO"
                )
            }
            Fault::Database(number) => {
                format!("共用的查重服务器{server}没有{number}号数据库，请改用已有的编号或不写编号")
            }
            Fault::Starting => format!("共用的查重服务器{server}正在启动，请待其读完数据后扫描新码"),
            Fault::Replica => format!("{server}是从服务器，请填写主服务器的地址"),
            Fault::RoleChanged => format!("共用的查重服务器{server}刚刚切换了主从角色，请扫描新码"),
            Fault::Evicts(policy) => {
                format!(
                    "共用的查重服务器{server}在内存不足时会删除记录（{policy}），请在服务器上设置maxmemory-policy noeviction"
                )
            }
            Fault::Full => format!("共用的查重服务器{server}内存已满，请增加内存（maxmemory）"),
            Fault::Refused(code) => format!("共用的查重服务器{server}拒绝登记（{code}），请查看服务器日志"),
            Fault::Forgot(until) => {
                format!(
                    "共用的查重服务器{server}重新启动过或切换过主从角色，{until}及以前生成的码无法判断是否用过，请扫描此后生成的新码"
                )
            }
            Fault::ClocksDiffer(until) => format!(
                "共用的查重服务器{server}记录的启用时间{until}远在本机时间之后，各窗口时钟不一致，请校准所有窗口的时钟，再删除服务器上的juma:guard:since:*，等待两分钟"
            ),
            Fault::AnswerLost => format!("共用的查重服务器{server}的应答中途丢失，无法判断此码是否用过，请扫描新码"),
        }
    }
}

impl fmt::Display for GuardTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        match &self.fault {
            Fault::Unreachable(kind) => write!(f, "the shared guard {server} cannot be reached: {kind}"),
            Fault::UnknownName => write!(f, "the host of the shared guard {server} is not known in this network"),
            Fault::Silent => {
                write!(f, "the shared guard {server} did not answer within {} ms", PATIENCE.as_millis())
            }
            Fault::HungUp => write!(f, "the shared guard {server} closed the connection instead of answering"),
            Fault::NotRedis => write!(f, "what answers at {server} is not a Redis server"),
            Fault::Password => {
                write!(
                    f,
                    "the shared guard {server} does not take the password of the address, or allows too little with it"
                )
            }
            Fault::Database(number) => write!(f, "the shared guard {server} has no database {number}"),
            Fault::Starting => write!(f, "the shared guard {server} is still starting"),
            Fault::Replica => write!(f, "{server} is a replica, which records nothing"),
            Fault::RoleChanged => {
                write!(f, "the shared guard {server} has just become another server's replica, or its master")
            }
            Fault::Evicts(policy) => {
                write!(
                    f,
                    "the shared guard {server} deletes records when its memory is full (maxmemory-policy {policy})"
                )
            }
            Fault::Full => write!(f, "the memory of the shared guard {server} is full"),
            Fault::Refused(code) => write!(f, "the shared guard {server} refuses to record ({code})"),
            Fault::Forgot(until) => write!(
                f,
                "the shared guard {server} was started again or changed its role, and cannot know the codes made until {until}"
            ),
            Fault::ClocksDiffer(until) => write!(
                f,
                "the shared guard {server} was started at a counter's time so far ahead of this one's that it waits until {until}"
            ),
            Fault::AnswerLost => {
                write!(f, "the shared guard {server} may have recorded this code before its answer was lost")
            }
        }
    }
}

impl std::error::Error for GuardTrouble {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_own_code_and_words_and_no_password() {
        let address = RedisAddress::parse("redis://:Secret42@10.0.0.1:7000").unwrap();
        let at = Timestamp::new(1_800_000_000).unwrap();
        let faults = [
            Fault::Unreachable(io::ErrorKind::ConnectionRefused),
            Fault::UnknownName,
            Fault::Silent,
            Fault::HungUp,
            Fault::NotRedis,
            Fault::Password,
            Fault::Database(3),
            Fault::Starting,
            Fault::Replica,
            Fault::RoleChanged,
            Fault::Evicts("allkeys-lru".into()),
            Fault::Full,
            Fault::Refused("MISCONF".into()),
            Fault::Forgot(at),
            Fault::ClocksDiffer(at),
            Fault::AnswerLost,
        ];
        let troubles = faults.map(|fault| GuardTrouble::new(&address, fault));
        for (place, one) in troubles.iter().enumerate() {
            let (what, zh) = (one.to_string(), one.zh());
            assert!(one.code().starts_with("GUARD_") && what.is_ascii() && one.remedy().is_ascii() && !zh.is_ascii());
            assert!(!what.ends_with('.') && !one.remedy().ends_with('.') && !zh.ends_with('。'), "{what}");
            assert!(what.contains("10.0.0.1:7000") && zh.contains("10.0.0.1:7000"), "{what} {zh}");
            assert!(!format!("{one:?} {what} {zh}").contains("Secret42"));
            for other in troubles.iter().skip(place + 1) {
                assert_ne!(one.code(), other.code());
                assert_ne!(what, other.to_string());
                assert_ne!(zh, other.zh());
            }
        }
    }
}
