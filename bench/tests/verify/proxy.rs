//! Stands before a server that keeps all rules, and spoils what passes through.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::flaws::Flaw;

/// Starts one before `server`; its address.
pub(crate) async fn start(server: SocketAddr, flaw: &'static Flaw) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(server).await else { continue };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(carry(from_client, to_server, move |piece| flaw.spoil_request(piece)));
            tokio::spawn(carry(from_server, to_client, move |piece| flaw.spoil_answer(piece)));
        }
    });
    address
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, spoil: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut piece = vec![0; 256 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if to.write_all(&spoil(piece[..read].to_vec())).await.is_err() {
            return;
        }
    }
}
