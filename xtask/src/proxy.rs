//! `cargo xtask proxy`: a long or narrow line between a client and a server. All connections share its bandwidth, and each way
//! takes half a round trip. A connection has so much under way as TCP would let it: ten segments at first, twice as much after
//! each round trip ([RFC 6928](https://www.rfc-editor.org/rfc/rfc6928)), and its first bytes wait for a handshake, which loopback
//! answers at once. Nothing is lost, and whoever pauses does not start slowly again.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What a connection has under way at first.
const FIRST_WINDOW: usize = 10 * 1460;
/// What a connection has under way at most: what Linux lets a sender buffer (`tcp_wmem`).
const LARGEST_WINDOW: usize = 4 << 20;
/// So much of the future the line may be taken for: who comes later does not wait longer.
const QUEUE: Duration = Duration::from_millis(10);

/// Arguments of `proxy`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the server listens: HOST:PORT.
    to: String,
    /// Milliseconds from a request to its answer.
    #[arg(long, default_value_t = 0)]
    round_trip: u64,
    /// Megabits a second, each way.
    #[arg(long)]
    megabits: Option<f64>,
}

/// Listens on a free port and says where. Answers each line of stdin with the bytes that came down and went up so far,
/// and ends with stdin.
pub(crate) fn run(args: Args) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let line = Arc::new(Line {
        to: args.to,
        round_trip: Duration::from_millis(args.round_trip),
        down: Way::new(args.megabits),
        up: Way::new(args.megabits),
    });
    let counted = Arc::clone(&line);
    std::thread::spawn(move || accept(&listener, &line));
    for asked in std::io::stdin().lines() {
        asked?;
        println!("{} {}", counted.down.passed.load(Ordering::Relaxed), counted.up.passed.load(Ordering::Relaxed));
    }
    Ok(())
}

/// What all connections share.
struct Line {
    to: String,
    round_trip: Duration,
    down: Way,
    up: Way,
}

/// One way of the line.
struct Way {
    /// Bytes a second.
    rate: Option<f64>,
    /// When what was sent so far will have left.
    free: Mutex<Instant>,
    passed: AtomicU64,
}

fn accept(listener: &TcpListener, line: &Arc<Line>) {
    for client in listener.incoming() {
        let (Ok(client), line) = (client, Arc::clone(line)) else { continue };
        std::thread::spawn(move || {
            // A client that goes away, or a server that is not there, ends the connection and nothing else.
            let _ = connect(&client, &line);
            let _ = client.shutdown(Shutdown::Both);
        });
    }
}

fn connect(client: &TcpStream, line: &Line) -> Result<()> {
    let open = Instant::now() + line.round_trip;
    let server = TcpStream::connect(&line.to).with_context(|| format!("cannot connect to {}", line.to))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let up = Pipe { from: client, to: &server, way: &line.up, round_trip: line.round_trip, open };
    let down = Pipe { from: &server, to: client, way: &line.down, round_trip: line.round_trip, open };
    std::thread::scope(|scope| {
        scope.spawn(|| up.run());
        down.run();
    });
    Ok(())
}

impl Way {
    fn new(megabits: Option<f64>) -> Self {
        Self {
            rate: megabits.map(|megabits| megabits * 1e6 / 8.0),
            free: Mutex::new(Instant::now()),
            passed: AtomicU64::new(0),
        }
    }

    /// What is sent at once: two milliseconds of the line.
    fn piece(&self) -> usize {
        self.rate.map_or(256 << 10, |rate| (rate / 500.0) as usize).clamp(4 << 10, 256 << 10)
    }

    /// Waits until the line is taken for no longer than [`QUEUE`].
    fn wait(&self) {
        let free = *self.free.lock().unwrap_or_else(PoisonError::into_inner);
        sleep_until(free.checked_sub(QUEUE).unwrap_or(free));
    }

    /// Sends so many bytes, and says when the last of them will have left.
    fn send(&self, bytes: usize) -> Instant {
        self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        let Some(rate) = self.rate else { return Instant::now() };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate);
        *free
    }
}

/// One way of a connection.
struct Pipe<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    way: &'a Way,
    round_trip: Duration,
    /// When the handshake would be over.
    open: Instant,
}

/// Bytes, and when they arrive; on the way back: when that is known to the sender.
type Piece = (Instant, Vec<u8>);

impl Pipe<'_> {
    fn run(&self) {
        let ended = if self.round_trip.is_zero() && self.way.rate.is_none() { self.pass() } else { self.delay() };
        if ended.is_err() {
            let _ = self.from.shutdown(Shutdown::Both);
        }
        let _ = self.to.shutdown(Shutdown::Write);
    }

    /// Nothing to wait for: bytes are only counted.
    fn pass(&self) -> std::io::Result<()> {
        let mut buffer = vec![0; self.way.piece()];
        loop {
            let count = (&mut &*self.from).read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.way.send(count);
            (&mut &*self.to).write_all(&buffer[..count])?;
        }
    }

    fn delay(&self) -> std::io::Result<()> {
        let (pieces, arriving) = channel();
        let (known, confirmed) = channel();
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || self.write(&arriving, &known));
            let read = self.read(&pieces, &confirmed);
            drop(pieces);
            let written = writer.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
            read.and(written)
        })
    }

    fn read(&self, pieces: &Sender<Piece>, confirmed: &Receiver<Piece>) -> std::io::Result<()> {
        let mut window = if self.round_trip.is_zero() { LARGEST_WINDOW } else { FIRST_WINDOW };
        let (mut under_way, mut spare) = (0, Vec::new());
        let mut waiting: VecDeque<Piece> = VecDeque::new();
        loop {
            waiting.extend(confirmed.try_iter());
            while under_way >= window || waiting.front().is_some_and(|(at, _)| *at <= Instant::now()) {
                let Some((at, piece)) = waiting.pop_front().or_else(|| confirmed.recv().ok()) else {
                    return Ok(()); // The writer has ended.
                };
                sleep_until(at);
                under_way -= piece.len();
                window = LARGEST_WINDOW.min(window + piece.len());
                spare.push(piece);
            }
            self.way.wait();
            let mut piece = spare.pop().unwrap_or_default();
            piece.resize(self.way.piece().min(window - under_way), 0);
            let count = (&mut &*self.from).read(&mut piece)?;
            piece.truncate(count);
            let arrives = self.way.send(count).max(self.open) + self.round_trip / 2;
            under_way += count;
            if count == 0 || pieces.send((arrives, piece)).is_err() {
                return Ok(());
            }
        }
    }

    fn write(&self, arriving: &Receiver<Piece>, known: &Sender<Piece>) -> std::io::Result<()> {
        for (at, piece) in arriving {
            sleep_until(at);
            let written = (&mut &*self.to).write_all(&piece);
            if let Err(error) = written {
                // Ends the reader too.
                let _ = self.from.shutdown(Shutdown::Both);
                return Err(error);
            }
            let _ = known.send((Instant::now() + self.round_trip / 2, piece));
        }
        // Nothing more comes, and the other way may go on.
        let _ = self.to.shutdown(Shutdown::Write);
        Ok(())
    }
}

fn sleep_until(at: Instant) {
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}
