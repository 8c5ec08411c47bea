//! Blocks the store's read connections, so that a test decides when a load may finish.

use std::sync::mpsc;

use muster::store::{ReadTx, Store};

use super::READERS;

/// Holds every read connection, so that a load that has started cannot finish before they are released.
pub struct HeldReaders {
    release: Vec<mpsc::Sender<()>>,
}

impl HeldReaders {
    /// Returns when all connections are held.
    pub fn hold(store: &Store) -> Self {
        let (held, is_held) = mpsc::channel();
        let release = (0..READERS).map(|_| {
            let (release, released) = mpsc::channel::<()>();
            let (store, held) = (store.clone(), held.clone());
            tokio::spawn(async move {
                let work = move |_: &ReadTx<'_>| {
                    held.send(()).unwrap();
                    // A failed test drops the sender.
                    let _ = released.recv();
                    Ok(())
                };
                store.read(work).await.unwrap();
            });
            release
        });
        let release = release.collect();
        for _ in 0..READERS {
            is_held.recv().unwrap();
        }
        Self { release }
    }

    pub fn release(self) {
        drop(self.release);
    }
}
