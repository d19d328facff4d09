//! The three signals that ask us to stop. The first lets the command clean up; the second ends the process at once.

use std::fmt;
use std::sync::{Mutex, PoisonError, mpsc};
use std::task::Poll;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::oneshot;

/// A signal that asks us to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    HangUp,
}

const ALL: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::HangUp];

impl Signal {
    /// What the shell makes of a process that died by it.
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.number()
    }

    fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }

    fn kind(self) -> SignalKind {
        SignalKind::from_raw(i32::from(self.number()))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        })
    }
}

/// How a command that has to end by itself hears of the first signal. One that does not listen is dropped instead.
#[derive(Default)]
pub(crate) struct Listener(Mutex<Option<oneshot::Sender<Signal>>>);

impl Listener {
    /// Listens from now on.
    pub(crate) fn listen(&self) -> oneshot::Receiver<Signal> {
        let (sender, receiver) = oneshot::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Whether somebody listens, who is told.
    pub(super) fn tell(&self, signal: Signal) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(signal).is_ok())
    }
}

/// The first signal.
pub(crate) async fn first(receiver: oneshot::Receiver<Signal>) -> Signal {
    match receiver.await {
        Ok(signal) => signal,
        Err(_) => std::future::pending().await,
    }
}

/// Listens from now on, on a thread of its own so that the second signal works whatever the command is doing.
pub(crate) fn listen() -> oneshot::Receiver<Signal> {
    let (sender, receiver) = oneshot::channel();
    let (listens, listening) = mpsc::channel();
    let listener = std::thread::Builder::new().name("signals".to_owned());
    // Without the thread, signals end the process as they always do.
    let _ = listener.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(wait(sender, listens));
        }
    });
    // Where the thread could not start, the other end is gone.
    let _ = listening.recv();
    receiver
}

async fn wait(sender: oneshot::Sender<Signal>, listens: mpsc::Sender<()>) {
    let ignored = ignored_signals();
    let mut streams: Vec<_> = ALL
        .into_iter()
        .filter(|signal| ignored & (1 << (signal.number() - 1)) == 0)
        .filter_map(|signal| Some((signal, unix::signal(signal.kind()).ok()?)))
        .collect();
    let _ = listens.send(());
    let _ = sender.send(next(&mut streams).await);
    exit(next(&mut streams).await);
}

async fn next(streams: &mut [(Signal, unix::Signal)]) -> Signal {
    std::future::poll_fn(|context| {
        let mut received =
            streams.iter_mut().filter_map(|(signal, stream)| stream.poll_recv(context).is_ready().then_some(*signal));
        received.next().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// The second signal: the user does not want to wait.
#[expect(clippy::exit, reason = "nothing may hold up the second signal")]
fn exit(signal: Signal) -> ! {
    std::process::exit(i32::from(signal.exit_code()))
}

/// The signals that our parent told us to ignore (nohup, background jobs), as a bit set; Linux says so.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0)
}
