//! Framing: where the head and the body of an HTTP/1.1 message end in a stream of bytes.

/// The head of a request or a response, raw and with the little that framing needs.
#[derive(Debug, Clone)]
pub struct Head {
    /// The bytes, the empty line included.
    pub raw: Vec<u8>,
    /// The first line.
    pub first_line: String,
}

impl Head {
    /// The head at the start of `bytes`, where it is whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let raw = bytes[..end].to_vec();
        let text = String::from_utf8_lossy(&raw);
        let first_line = text.lines().next().unwrap_or_default().to_owned();
        Some(Self { first_line, raw })
    }

    /// A word of the first line: method or version, target or status.
    pub fn word(&self, number: usize) -> &str {
        self.first_line.split(' ').nth(number).unwrap_or_default()
    }

    /// The value of a header, in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.raw).to_ascii_lowercase();
        let value = text.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
        value.map(str::to_owned)
    }

    /// The body of this request.
    pub fn request_body(&self) -> Body {
        self.body().unwrap_or(Body::Length(0))
    }

    /// The body of this response to a request with `method`.
    pub fn response_body(&self, method: &str) -> Body {
        match self.word(1) {
            "204" | "304" => Body::Length(0),
            status if method == "HEAD" || status.starts_with('1') => Body::Length(0),
            _ => self.body().unwrap_or(Body::UntilClose),
        }
    }

    fn body(&self) -> Option<Body> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return Some(Body::Chunked(Chunk::Size(String::new())));
        }
        self.header("content-length").and_then(|length| length.parse().ok()).map(Body::Length)
    }
}

/// What is still to come of a body.
#[derive(Debug, Clone)]
pub enum Body {
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the connection ends.
    UntilClose,
}

/// Where in a chunked body we are.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// In the line with the size.
    Size(String),
    /// In the data; this many bytes of data and line end are to come.
    Data(u64),
    /// In the lines after the last chunk.
    Trailer(String),
    /// Behind it all.
    Done,
}

impl Body {
    /// Whether nothing is to come.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Done))
    }

    /// How many of `bytes` belong to this body; takes them off what is to come.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::UntilClose => bytes.len(),
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                taken
            }
            Self::Chunked(chunk) => {
                let mut taken = 0;
                while taken < bytes.len() && !matches!(chunk, Chunk::Done) {
                    taken += chunk.take(&bytes[taken..]);
                }
                taken
            }
        }
    }
}

impl Chunk {
    fn take(&mut self, bytes: &[u8]) -> usize {
        if let Self::Data(left) = self {
            let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= taken as u64;
            if *left == 0 {
                *self = Self::Size(String::new());
            }
            return taken;
        }
        let (Self::Size(line) | Self::Trailer(line)) = self else { return 0 };
        line.push(char::from(bytes[0]));
        if line.ends_with('\n') {
            let line = line.trim().to_owned();
            *self = match self {
                Self::Trailer(_) if line.is_empty() => Self::Done,
                Self::Trailer(_) => Self::Trailer(String::new()),
                _ => match u64::from_str_radix(line.split(';').next().unwrap_or_default(), 16) {
                    Ok(0) | Err(_) => Self::Trailer(String::new()),
                    Ok(size) => Self::Data(size + 2),
                },
            };
        }
        1
    }
}
