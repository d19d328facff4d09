//! Listener: the address a server is reached at, and the socket there. A socket file that a dead server left is replaced; that
//! of a living one is not.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::FlockOperation;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};

use crate::error::Kind;
use crate::{Error, Result};

/// How many connections the kernel keeps for us: where they are more, clients wait a second before they try again.
const BACKLOG: u32 = 4096;

/// Where a server listens: `127.0.0.1:5000`, `[::1]:0`, `localhost:5000`, `unix:/run/imgctl.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host name or IP address (without brackets), and a port; 0 is any free one.
    Tcp(String, u16),
    /// The path of a socket file. Its permissions are those the umask leaves.
    Unix(PathBuf),
}

impl Address {
    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(host, _) => match host.parse::<IpAddr>() {
                Ok(address) => address.to_canonical().is_loopback(),
                Err(_) => host.eq_ignore_ascii_case("localhost"),
            },
            Self::Unix(_) => true,
        }
    }

    /// Its URL, as clients write it: `http://…`, `https://…` where there is `tls`, `unix:/path`.
    pub fn url(&self, tls: bool) -> String {
        match self {
            Self::Tcp(..) if tls => format!("https://{self}"),
            Self::Tcp(..) => format!("http://{self}"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let message = format!("{text:?} is no address to listen on");
            Error::usage(message).with_hint("HOST:PORT, such as 127.0.0.1:5000 or [::1]:0, or unix:PATH")
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(refused()) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        // `+80` would parse.
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_port).ok_or_else(refused)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_ok() => inner,
            None if is_host(host) => host,
            _ => return Err(refused()),
        };
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody with this address.
    Tcp(SocketAddr),
    /// Somebody on this machine.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A connection's bytes, whatever carries them.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

impl Listener {
    /// Listens on `address`; also returns the address with the port that it got.
    pub(super) async fn bind(address: &Address) -> Result<(Self, Address)> {
        let failed = |error: io::Error| Error::local(format!("cannot listen on {address}"), error);
        match address {
            Address::Tcp(host, port) => {
                let listener = bind_tcp(host, *port).await.map_err(failed)?;
                let port = listener.local_addr().map_err(failed)?.port();
                Ok((Self::Tcp(listener), Address::Tcp(host.clone(), port)))
            }
            Address::Unix(path) => {
                let (listener, file) = bind_unix(path, failed)?;
                Ok((Self::Unix { listener, _file: file }, address.clone()))
            }
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Duplex>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer's last bytes must not wait for the acknowledgement of those before.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::Tcp(SocketAddr::new(peer.ip().to_canonical(), peer.port()))))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::Unix))
            }
        }
    }
}

/// Listens on the first address of `host` that can be had.
async fn bind_tcp(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in lookup_host((host, port)).await? {
        outcome = listen(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The file of a unix socket; it goes with the listener, unless another one stands there by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn bind_unix(path: &Path, failed: impl Fn(io::Error) -> Error) -> Result<(UnixListener, SocketFile)> {
    // Of two servers that find the same dead socket, only one may replace it.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = File::open(parent).map_err(&failed)?;
    rustix::fs::flock(&directory, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    remove_dead(path, &failed)?;
    let listener = UnixListener::bind(path).map_err(&failed)?;
    Ok((listener, SocketFile { path: path.to_owned(), identity: identity(path) }))
}

fn remove_dead(path: &Path, failed: impl Fn(io::Error) -> Error) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !found.file_type().is_socket() {
        let message = format!("cannot listen on {}: something else than a socket is there", path.display());
        return Err(Error::new(Kind::Local, message));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        _ => Err(Error::new(Kind::Local, format!("cannot listen on {}: another server does", path.display()))),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "files that are in our way")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, is_local) in [
            ("127.0.0.1:5000", true),
            ("127.9.9.9:0", true),
            ("[::1]:0", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:65535", true),
            ("unix:/run/a b.sock", true),
            ("unix:relative", true),
            ("0.0.0.0:5000", false),
            ("[::]:5000", false),
            ("registry.example:443", false),
            ("localhost.example:443", false),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.is_local(), is_local, "{text}");
        }
        for text in [
            "",
            "5000",
            ":5000",
            "localhost",
            "localhost:",
            "a:65536",
            "a:+1",
            "::1:80",
            "[::1]",
            "[a]:1",
            "a b:1",
            "unix:",
            "http://a:1",
        ] {
            assert!(text.parse::<Address>().is_err_and(|error| error.hint().is_some()), "{text}");
        }
        let url = |text: &str, tls| text.parse::<Address>().unwrap().url(tls);
        assert_eq!(url("[::1]:80", false), "http://[::1]:80");
        assert_eq!(url("a:80", true), "https://a:80");
        assert_eq!(url("unix:/s", true), "unix:/s");
    }

    #[tokio::test]
    async fn a_port_in_use_is_told() {
        let (_first, address) = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = Listener::bind(&address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
        assert_eq!(error.kind(), Kind::Local);
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let address = Address::Unix(path.clone());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let (living, _) = Listener::bind(&address).await.unwrap();
        let error = Listener::bind(&address).await.unwrap_err();
        assert!(error.to_string().ends_with("another server does"), "{error}");
        tokio::net::UnixStream::connect(&path).await.unwrap();
        let (_, peer) = living.accept().await.unwrap();
        assert_eq!(peer.to_string(), "unix");
        drop(living);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_our_own_socket_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let (ours, _) = Listener::bind(&Address::Unix(path.clone())).await.unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        drop(ours);
        assert_eq!(fs::read(&path).unwrap(), b"a file");
        let error = Listener::bind(&Address::Unix(path.clone())).await.unwrap_err();
        assert!(error.to_string().contains("something else than a socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }
}
