//! Rows of a running command, one by one.

use tokio::sync::{mpsc, oneshot};

use super::client::Client;
use super::error::CallError;
use super::reply::Row;

/// The rows of [`Client::stream`], [`Client::listen`] or [`Client::follow`]. Dropping it cancels the command on the
/// router. It keeps the connection open like a clone of the client.
#[derive(Debug)]
pub struct RowStream {
    client: Client,
    tag: u32,
    rows: mpsc::Receiver<Row>,
    end: oneshot::Receiver<Result<(), CallError>>,
    ended: bool,
}

impl RowStream {
    pub(crate) fn new(
        client: Client,
        tag: u32,
        rows: mpsc::Receiver<Row>,
        end: oneshot::Receiver<Result<(), CallError>>,
    ) -> Self {
        Self { client, tag, rows, end, ended: false }
    }

    /// The next row, `None` after the command has ended well. An error is given once, after the rows that came before
    /// it, and is the last thing. Safe to use in `select!`: a row is never lost.
    pub async fn next(&mut self) -> Option<Result<Row, CallError>> {
        if self.ended {
            return None;
        }
        if let Some(row) = self.rows.recv().await {
            return Some(Ok(row));
        }
        // The connection says how it ended before it closes the rows; saying nothing, it is gone.
        let end = (&mut self.end).await.unwrap_or(Err(CallError::Closed));
        self.ended = true;
        end.err().map(Err)
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        if !self.ended {
            // Closed first: the connection cancels only commands that nobody waits for.
            self.rows.close();
            self.client.cancel(self.tag);
        }
    }
}
