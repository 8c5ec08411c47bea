//! Between threads that block and connections that do not.

use std::io;

use bytes::{Buf, Bytes};
use futures_util::{Stream, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::http::error::ApiError;
use crate::http::extract::Upload;
use crate::server::TransferTimeout;
use crate::store::StoreError;

/// Pieces of an export that wait for the connection. One keeps both sides busy.
const PIECES_WAITING_MAX: usize = 1;

/// A body as a thread reads it. The thread waits for each piece as long as an upload may stand still.
pub struct BodyReader {
    upload: Upload,
    runtime: Handle,
    piece: Bytes,
    failure: Option<ApiError>,
}

impl BodyReader {
    /// A reader of this body.
    #[must_use]
    pub fn new(upload: Upload, runtime: Handle) -> Self {
        Self { upload, runtime, piece: Bytes::new(), failure: None }
    }

    /// Why the body ended before its end, if it did.
    pub fn failure(self) -> Option<ApiError> {
        self.failure
    }
}

impl io::Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.runtime.block_on(self.upload.chunk()) {
                Ok(piece) => self.piece = piece.unwrap_or_default(),
                Err(failure) => {
                    self.failure = Some(failure);
                    return Err(io::Error::other("the body broke off"));
                }
            }
        }
        let len = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..len]);
        Ok(len)
    }
}

/// Where a thread puts the pieces of a file for a client that takes them.
pub struct Pieces {
    sender: mpsc::Sender<Message>,
    timeout: TransferTimeout,
    runtime: Handle,
}

/// What goes from one end to the other.
enum Message {
    Piece(Bytes),
    /// The file is whole. A channel that closes without this was cut.
    End,
    Failed(StoreError),
}

/// The other end.
pub struct Taker(mpsc::Receiver<Message>);

impl Pieces {
    /// Both ends; the client may take as long as `timeout` allows.
    #[must_use]
    pub fn new(timeout: TransferTimeout, runtime: Handle) -> (Self, Taker) {
        let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        (Self { sender, timeout, runtime }, Taker(receiver))
    }

    /// Waits until there is room for a piece; fails when the client takes none for too long, or has gone.
    pub fn send(&mut self, piece: Vec<u8>) -> io::Result<()> {
        let bytes = piece.len();
        self.put(Message::Piece(piece.into()))?;
        self.timeout.transferred(bytes);
        Ok(())
    }

    /// Says that the file is whole, or why it is not.
    pub fn end(mut self, outcome: Result<(), StoreError>) {
        // A client that no longer listens needs no end.
        let _ = self.put(outcome.map_or_else(Message::Failed, |()| Message::End));
    }

    fn put(&mut self, message: Message) -> io::Result<()> {
        match self.runtime.block_on(self.timeout.wait(self.sender.send(message))) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone")),
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes too little")),
        }
    }
}

impl Taker {
    /// Waits for the first piece, before which a failure can still be answered as one.
    pub async fn first(&mut self) -> Result<Bytes, ApiError> {
        match self.0.recv().await {
            Some(Message::Piece(piece)) => Ok(piece),
            Some(Message::Failed(error)) => Err(error.into()),
            Some(Message::End) | None => Err(ApiError::internal("an export ended before its header")),
        }
    }

    /// The first piece and all others. A file that is not whole ends in an error, which breaks the connection off, so that
    /// nobody takes it for whole.
    pub fn stream(self, first: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold((Some(first), self.0), async |(first, mut receiver)| {
            if let Some(piece) = first {
                return Ok(Some((piece, (None, receiver))));
            }
            match receiver.recv().await {
                Some(Message::Piece(piece)) => Ok(Some((piece, (None, receiver)))),
                Some(Message::End) => Ok(None),
                Some(Message::Failed(error)) => {
                    tracing::error!(%error, "an export broke off");
                    Err(io::Error::other(error))
                }
                None => Err(io::Error::other("the export was cut off")),
            }
        })
    }
}
