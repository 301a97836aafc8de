// The overlay, spoken by another implementation: js-libp2p from npm, with Noise, Yamux, Identify, Ping and Kademlia.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import '../lib/shims.js';
import { Daemon, PATIENCE, eventually } from '../lib/daemon.js';

const KADEMLIA = '/covey/kad/1';
const OFFERED = ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', KADEMLIA, '/covey/pair/1', '/covey/sync/1'];
/** How long one query may take, in milliseconds. */
const QUERY = 5_000;
let first;
let second;
let js;
let multiaddr;
let peerId;

/** Where a daemon listens on TCP, with its peer id. */
async function tcpAddress(daemon) {
  const { addresses } = await daemon.call('account.show');
  return addresses.find((address) => address.includes('/tcp/') && address.includes('/p2p/'));
}

const idIn = (address) => address.split('/p2p/')[1];

/** A client of the overlay. Its modules are loaded here, since static imports would come before the shims. */
async function jsNode() {
  const [{ createLibp2p }, { tcp }, { noise }, { yamux }, { identify }, { ping }, { kadDHT, passthroughMapper }] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('@libp2p/noise'),
    import('@libp2p/yamux'),
    import('@libp2p/identify'),
    import('@libp2p/ping'),
    import('@libp2p/kad-dht'),
  ]);
  return createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol: KADEMLIA,
        clientMode: true,
        // Loopback addresses are good ones here.
        peerInfoMapper: passthroughMapper,
        // A query must not wait for the first one of its own, which may have begun before it knew anybody.
        allowQueryWithZeroPeers: true,
        // It pings once whom it may take into its table; on a busy machine two seconds are too short for that.
        pingNewContactTimeout: { minTimeout: PATIENCE, maxTimeout: PATIENCE },
      }),
    },
  });
}

before(async () => {
  first = await Daemon.start('first');
  second = await Daemon.start('second', '--bootstrap', await tcpAddress(first));
  await eventually('the two know each other', async () => (await first.call('node.status')).peers > 0);
  js = await jsNode();
  ({ multiaddr } = await import('@multiformats/multiaddr'));
  ({ peerIdFromString: peerId } = await import('@libp2p/peer-id'));
});
after(async () => {
  await js?.stop();
  await Promise.all([first?.remove(), second?.remove()]);
});

test('another implementation connects with Noise and Yamux and is told what covey speaks', async () => {
  const address = await tcpAddress(first);
  const identified = new Promise((resolve) => js.addEventListener('peer:identify', ({ detail }) => resolve(detail), { once: true }));
  const connection = await js.dial(multiaddr(address));
  assert.equal(connection.remotePeer.toString(), idIn(address));
  assert.equal(connection.encryption, '/noise');
  assert.equal(connection.multiplexer, '/yamux/1.0.0');
  const told = await identified;
  assert.equal(told.agentVersion, 'covey/1');
  assert.equal(told.protocolVersion, 'covey/1');
  for (const protocol of OFFERED) assert.ok(told.protocols.includes(protocol), `${protocol} in ${told.protocols}`);
  // Kademlia pings whom it takes into its table, and of two pings at once only the later one is answered.
  await eventually('the first node is in its table', () => js.services.dht.routingTable.size > 0);
});

test('it answers pings', async () => {
  assert.ok((await js.services.ping.ping(peerId(idIn(await tcpAddress(first))))) >= 0);
});

test('a second node is found by Kademlia through the first, and can be dialled', async () => {
  const address = await tcpAddress(second);
  const id = peerId(idIn(address));
  const found = await eventually('the second node is found', async () => {
    try {
      for await (const event of js.services.dht.findPeer(id, { signal: AbortSignal.timeout(QUERY) })) {
        if (event.name === 'FINAL_PEER') return event.peer;
      }
    } catch {
      // Not found, or not in time: the first node may not have the second one in its own table yet.
    }
    return null;
  });
  assert.ok(found.multiaddrs.some((known) => address.startsWith(known.toString())), `${address} in ${found.multiaddrs}`);
  const connection = await js.dial(multiaddr(address));
  assert.equal(connection.remotePeer.toString(), id.toString());
});

test('a protocol that covey does not speak is refused, and the connection lives on', async () => {
  const id = peerId(idIn(await tcpAddress(first)));
  await assert.rejects(js.dialProtocol(id, '/somebody/elses/1'));
  assert.ok((await js.services.ping.ping(id)) >= 0);
});
