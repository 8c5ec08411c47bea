//! Readers that are taken, so that a test decides when a load may end.

use std::sync::mpsc;

use muster::store::{READERS_DEFAULT, ReadTx, Store};

/// Holds every connection that reads, so that a load which has begun cannot end before they are let go.
pub struct HeldReaders {
    let_go: Vec<mpsc::Sender<()>>,
}

impl HeldReaders {
    /// Comes back when all of them are held.
    pub fn hold(store: &Store) -> Self {
        let (held, is_held) = mpsc::channel();
        let let_go = (0..READERS_DEFAULT).map(|_| {
            let (let_go, may_go) = mpsc::channel::<()>();
            let (store, held) = (store.clone(), held.clone());
            tokio::spawn(async move {
                let work = move |_: &ReadTx<'_>| {
                    held.send(()).unwrap();
                    // A test that fails drops the other end.
                    let _ = may_go.recv();
                    Ok(())
                };
                store.read(work).await.unwrap();
            });
            let_go
        });
        let let_go = let_go.collect();
        for _ in 0..READERS_DEFAULT {
            is_held.recv().unwrap();
        }
        Self { let_go }
    }

    pub fn let_go(self) {
        drop(self.let_go);
    }
}
