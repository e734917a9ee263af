//! What goes wrong with servers, as sentences in both languages.

use super::address::AddressError;
use super::index::IndexError;

/// Why a file did not arrive, or a server gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The name of the host leads nowhere.
    #[error("the host is not known to the name service; check the address, and whether this computer is connected")]
    HostUnknown,
    /// Nobody answers, or with a refusal.
    #[error("the server cannot be reached ({0}); check the address, the network and the proxy, then synchronise again")]
    Unreachable(String),
    /// The proxy does not let it through.
    #[error(
        "the proxy makes no connection to the server ({0}); check --proxy or HTTPS_PROXY, or ask who runs the proxy"
    )]
    Proxy(String),
    /// Its certificate was not made by an authority that is known here.
    #[error(
        "the server's certificate is not trusted by this computer: it comes from an authority that is not known here; give that authority's certificate with --ca, and see that nobody stands in between"
    )]
    CertificateUnknown,
    /// Its certificate has expired or is not valid yet.
    #[error(
        "the server's certificate is not valid at the time that this computer's clock shows; set the clock, or report it to who runs the server"
    )]
    CertificateTime,
    /// Its certificate is for another host.
    #[error(
        "the server's certificate is made out for another host; check the address, and see that nobody stands in between"
    )]
    CertificateName,
    /// Anything else about the certificate or TLS.
    #[error("no encrypted connection came about ({0}); report it to who runs the server")]
    Tls(String),
    /// This computer trusts no authority at all.
    #[error(
        "this computer has no certificates of authorities, so that it can trust no server; install them (Debian: ca-certificates), or give --ca"
    )]
    NoAuthorities,
    /// The connection ended, or stood still, again and again.
    #[error("the connection broke off and could not be resumed; what has arrived is kept, so synchronise again")]
    Broken,
    /// Not HTTP.
    #[error("the answer is not HTTP as it should be; check the address, and report it to who runs the server")]
    Protocol,
    /// Not there.
    #[error("the server has no such file; check the address, or report it to who publishes the lists")]
    NotFound,
    /// Not there, and it is the index.
    #[error(
        "the server has no index.json there; check the address: it is that of the folder that `issuer publish` writes"
    )]
    NoIndex,
    /// Another answer than one with a file.
    #[error("the server answers with status {0}; synchronise again later, or report it to who runs the server")]
    Status(u16),
    /// Sent on too often.
    #[error("the server sends on from one address to another, more than {limit} times; check the address")]
    Redirects {
        /// How often is followed.
        limit: usize,
    },
    /// Sent on to where nothing is fetched from.
    #[error("the server sends on to an address that is not fetched from: {0}")]
    RedirectTo(AddressError),
    /// Too large for what it should be.
    #[error(
        "the file has more than {limit} bytes, which no such list has; nothing of it was used: report it to who publishes the lists"
    )]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// Too much altogether.
    #[error("more than {limit} bytes arrived in one synchronisation; check which servers were asked")]
    TooMuch {
        /// Bytes.
        limit: usize,
    },
    /// Compressed, though that was not asked for.
    #[error(
        "the server sent the file in an encoding that was not asked for; nothing of it was used: report it to who runs the server"
    )]
    Encoded,
    /// A page for people.
    #[error(
        "a web page came in place of the file, as where a network wants a login first; log in with a browser or check the address, then synchronise again"
    )]
    WebPage,
    /// The index is none.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The time for the whole synchronisation is over.
    #[error(
        "the time for this synchronisation was over with {left} files missing; what has arrived is kept, so synchronise again, or give a longer --time-limit"
    )]
    TimeOver {
        /// How many files were not fetched.
        left: usize,
    },
    /// So many failures that the server was left alone.
    #[error("the server failed so often that {left} more files were not asked for; synchronise again later")]
    GivenUp {
        /// How many files were not asked for.
        left: usize,
    },
}

impl FetchError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            FetchError::HostUnknown | FetchError::Unreachable(_) => "SOURCE_UNREACHABLE",
            FetchError::Proxy(_) => "SOURCE_PROXY",
            FetchError::CertificateUnknown | FetchError::CertificateTime | FetchError::CertificateName => {
                "SOURCE_CERTIFICATE"
            }
            FetchError::Tls(_) => "SOURCE_TLS",
            FetchError::NoAuthorities => "SOURCE_NO_AUTHORITIES",
            FetchError::Broken => "SOURCE_BROKEN_OFF",
            FetchError::Protocol => "SOURCE_PROTOCOL",
            FetchError::NotFound => "SOURCE_NOT_FOUND",
            FetchError::NoIndex => "SOURCE_NO_INDEX",
            FetchError::Status(_) => "SOURCE_STATUS",
            FetchError::Redirects { .. } | FetchError::RedirectTo(_) => "SOURCE_REDIRECT",
            FetchError::TooLarge { .. } => "SOURCE_TOO_LARGE",
            FetchError::TooMuch { .. } => "SOURCE_TOO_MUCH",
            FetchError::Encoded => "SOURCE_ENCODED",
            FetchError::WebPage => "SOURCE_WEB_PAGE",
            FetchError::Index(_) => "SOURCE_INDEX",
            FetchError::TimeOver { .. } => "SOURCE_TIME_OVER",
            FetchError::GivenUp { .. } => "SOURCE_GIVEN_UP",
        }
    }

    /// The error in Chinese.
    pub fn zh(&self) -> String {
        match self {
            FetchError::HostUnknown => "域名无法解析，请核对地址并检查本机网络".into(),
            FetchError::Unreachable(_) => "无法连接服务器，请核对地址、网络和代理后重新同步".into(),
            FetchError::Proxy(_) => "代理未能连接服务器，请检查 --proxy 或 HTTPS_PROXY，或联系代理管理员".into(),
            FetchError::CertificateUnknown => {
                "本机不信任该服务器的证书：其签发机构未知，请用 --ca 提供该机构的证书，并确认无人从中冒充".into()
            }
            FetchError::CertificateTime => {
                "按本机时间，服务器证书不在有效期内，请校准本机时间，或向服务器管理员报告".into()
            }
            FetchError::CertificateName => "服务器证书属于其他主机，请核对地址，并确认无人从中冒充".into(),
            FetchError::Tls(_) => "无法建立加密连接，请向服务器管理员报告".into(),
            FetchError::NoAuthorities => {
                "本机没有任何根证书，无法信任服务器，请安装根证书（Debian：ca-certificates）或使用 --ca".into()
            }
            FetchError::Broken => "连接中断且未能续传，已收到的部分已保留，请重新同步".into(),
            FetchError::Protocol => "对方的应答不符合 HTTP 规范，请核对地址，或向服务器管理员报告".into(),
            FetchError::NotFound => "服务器上没有该文件，请核对地址，或向名单发布方报告".into(),
            FetchError::NoIndex => "该地址下没有 index.json，请核对地址：应为 issuer publish 生成的目录".into(),
            FetchError::Status(status) => format!("服务器返回状态 {status}，请稍后重新同步，或向服务器管理员报告"),
            FetchError::Redirects { limit } => format!("服务器转址超过 {limit} 次，请核对地址"),
            FetchError::RedirectTo(_) => "服务器转向不允许获取的地址，请核对地址".into(),
            FetchError::TooLarge { limit } => {
                format!("文件超过 {limit} 字节，不可能是名单，未作使用，请向名单发布方报告")
            }
            FetchError::TooMuch { limit } => format!("本次同步收到的数据超过 {limit} 字节，请检查所用的服务器"),
            FetchError::Encoded => "服务器发来未要求的压缩编码，未作使用，请向服务器管理员报告".into(),
            FetchError::WebPage => {
                "收到的是网页而不是名单，可能需要先登录网络，请用浏览器登录或核对地址后重新同步".into()
            }
            FetchError::Index(error) => error.zh(),
            FetchError::TimeOver { left } => {
                format!("本次同步时间已到，尚有 {left} 个文件未取得，已收到的部分已保留，请重新同步或加大 --time-limit")
            }
            FetchError::GivenUp { left } => format!("服务器多次失败，另有 {left} 个文件未再请求，请稍后重新同步"),
        }
    }

    /// Whether asking again at once, for what is missing, may help.
    pub(crate) fn may_be_resumed(&self) -> bool {
        matches!(self, FetchError::Broken)
    }

    /// Whether it says something about the way to the server, rather than about one file.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        matches!(
            self,
            FetchError::HostUnknown
                | FetchError::Unreachable(_)
                | FetchError::Proxy(_)
                | FetchError::CertificateUnknown
                | FetchError::CertificateTime
                | FetchError::CertificateName
                | FetchError::Tls(_)
                | FetchError::NoAuthorities
                | FetchError::Broken
                | FetchError::Protocol
                | FetchError::WebPage
                | FetchError::Status(_)
        )
    }

    /// The same for the file that all others depend on.
    pub(crate) fn of_index(self) -> FetchError {
        if self == FetchError::NotFound { FetchError::NoIndex } else { self }
    }
}

impl IndexError {
    /// The error in Chinese.
    pub fn zh(&self) -> String {
        match self {
            IndexError::Malformed(_) => "index.json 无法读取，请向名单发布方报告".into(),
            IndexError::Form(form) => format!("index.json 为第 {form} 种格式，本程序只认识第 1 种，请升级核验程序"),
            IndexError::Path(_) => {
                "index.json 中有不允许的文件路径，只获取其所在目录内的普通路径，请向名单发布方报告".into()
            }
            IndexError::Twice(path) => format!("index.json 中文件 {path} 出现两次，请向名单发布方报告"),
            IndexError::TooMany => "index.json 中的文件过多，请向名单发布方报告".into(),
        }
    }
}

/// Why no server can be asked with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No certificate can be read from what was given as one.
    #[error("there is no certificate of an authority in it; give a PEM file with BEGIN CERTIFICATE")]
    Authorities,
    /// Not the address of a proxy.
    #[error(
        "not the address of a proxy; write it like http://proxy.example.cn:3128 (other kinds than http and https are not supported)"
    )]
    Proxy,
}

impl SettingsError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SettingsError::Authorities => "SYNC_CA",
            SettingsError::Proxy => "SYNC_PROXY",
        }
    }
}

impl AddressError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        "SYNC_ADDRESS"
    }
}
