//! The accept loop: connections come in until the server is asked to stop. Nothing that a client does ends it, and neither does
//! running out of file descriptors.

use std::io;
use std::sync::Arc;

use super::State;
use super::connection::{Connection, Terms};
use super::listener::Listener;

/// Accepts and serves connections, for ever.
pub(super) async fn accept(listener: &Listener, terms: &Arc<Terms>, state: &Arc<State>) {
    let mut is_short = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                is_short = false;
                let place = state.connections.place(&terms.limits).await;
                let connection = Connection { stream, peer, place };
                let (terms, state) = (Arc::clone(terms), Arc::clone(state));
                tokio::spawn(async move { connection.serve(&terms, state).await });
            }
            // Its client gave up before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !is_short {
                    tracing::warn!("cannot accept connections: {error}; idle ones are closed");
                }
                is_short = true;
                state.connections.make_room().await;
            }
        }
    }
}
