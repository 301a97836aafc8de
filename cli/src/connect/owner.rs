//! Who listens on a port of this machine. After a crash of the daemon anybody may have taken its port, and would be given the
//! token and the text of a message. So the kernel is asked whose the port is, on the connection that stands already, and
//! nothing is said to anybody but root, ourselves, and the owner of the token.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// A listening socket in the kernel's tables.
const LISTENS: &str = "0A";

/// Whether what listens at `address` belongs to root, to us, or to the owner of `token`.
///
/// # Errors
/// The kernel does not say: it is not Linux, or hides its tables.
pub(super) fn is_trusted(address: SocketAddr, token: &Path) -> io::Result<bool> {
    let trusted = [0, rustix::process::geteuid().as_raw(), fs::metadata(token)?.uid()];
    let v4 = fs::read_to_string("/proc/net/tcp")?;
    // Without IPv6 there is no such table.
    let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let owners = owners(address, &v4, &v6);
    Ok(!owners.is_empty() && owners.iter().all(|owner| trusted.contains(owner)))
}

/// The users whose sockets take connections to `address`: those that listen there, or else on all addresses.
fn owners(address: SocketAddr, v4: &str, v6: &str) -> Vec<u32> {
    let listening: Vec<(SocketAddr, u32)> = v4.lines().chain(v6.lines()).filter_map(listener).collect();
    let at = |ip: IpAddr| -> Vec<u32> {
        let here = SocketAddr::new(ip, address.port());
        listening.iter().filter(|(local, _)| *local == here).map(|(_, owner)| *owner).collect()
    };
    let mut places = vec![vec![address.ip()]];
    match address.ip() {
        IpAddr::V4(ip) => {
            places[0].push(ip.to_ipv6_mapped().into());
            places.push(vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]);
        }
        IpAddr::V6(_) => places.push(vec![Ipv6Addr::UNSPECIFIED.into()]),
    }
    let mut found = places.into_iter().map(|ips| ips.into_iter().flat_map(at).collect::<Vec<u32>>());
    found.find(|owners| !owners.is_empty()).unwrap_or_default()
}

/// Address and owner of a line of a table, if it is of a listening socket.
fn listener(line: &str) -> Option<(SocketAddr, u32)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, owner) = (fields.get(1)?, fields.get(3)?, fields.get(7)?);
    (*state == LISTENS).then_some(())?;
    let (ip, port) = local.split_once(':')?;
    let words = (0..ip.len() / 8).map(|at| u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok());
    // Words of 32 bits in the order of this machine, of bytes in that of the network.
    let bytes: Vec<u8> = words.collect::<Option<Vec<u32>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), owner.parse().ok()?))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const V4: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1CFC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 555 1 0 100 0 0 10 0
   1: 00000000:1CFC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 556 1 0 100 0 0 10 0
   2: 0100007F:1CFD 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1002        0 557 1 0 100 0 0 10 0
   3: 00000000:1CFE 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 558 1 0 100 0 0 10 0";
    const V6: &str = "\
   0: 00000000000000000000000001000000:1CFC 00000000000000000000000000000000:0000 0A 0:0 00:0 0 1004 0 1 1 0 100 0 0 10 0
   1: 00000000000000000000000000000000:1CFF 00000000000000000000000000000000:0000 0A 0:0 00:0 0 1005 0 1 1 0 100 0 0 10 0";

    fn of(address: &str) -> Vec<u32> {
        owners(address.parse().expect("an address"), V4, V6)
    }

    #[test]
    fn the_closest_listener_is_the_one_that_counts() {
        assert_eq!(of("127.0.0.1:7420"), [1000]);
        assert_eq!(of("127.0.0.2:7420"), [1001], "taken by the one on all addresses");
        assert_eq!(of("[::1]:7420"), [1004]);
        assert_eq!(of("127.0.0.1:7422"), [1003]);
        assert_eq!(of("127.0.0.1:7423"), [1005], "a socket of IPv6 on all addresses takes IPv4 as well");
    }

    #[test]
    fn connections_and_absent_listeners_belong_to_nobody() {
        assert!(of("127.0.0.1:7421").is_empty(), "a connection does not listen");
        assert!(of("127.0.0.1:1").is_empty());
        for line in ["", "x", "0: zz:1 0:0 0A 0:0 0:0 0 1", "0: 0100007F:GGGG 0:0 0A 0:0 0:0 0 1"] {
            assert_eq!(listener(line), None, "{line}");
        }
    }
}
