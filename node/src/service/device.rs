//! `device.*`: handed to the engine; linking waits for the new machine.

use std::time::Duration;

use covey_api::{
    ApiError, Device, DeviceApi, DeviceConfirm, DeviceLink, DeviceList, DeviceRename, DeviceRevoke, DeviceShow,
    Linking, Reason, Request as _,
};
use covey_pairing::link::NetworkTag;
use tokio::time::{Instant, sleep};

use super::Service;
use crate::engine::rpc;
use crate::network_key;

/// How long `device.link` waits for the new machine before it says that it cannot be reached.
const REACHED: Duration = Duration::from_secs(30);
/// How long `device.confirm` waits until the new device has the account.
const HANDED_OVER: Duration = Duration::from_secs(20);
/// Pause between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(20);

impl Service {
    /// The private network that this node is in.
    fn network_tag(&self) -> Result<Option<NetworkTag>, ApiError> {
        let file = self.settings.running().network.key_file.clone();
        if file.is_empty() {
            return Ok(None);
        }
        let key = network_key::read(std::path::Path::new(&file));
        let key = key.map_err(|error| ApiError::new(Reason::InvalidConfig, covey_api::sentence(&error.to_string())))?;
        Ok(Some(NetworkTag::of(&key)))
    }
}

impl DeviceApi for Service {
    async fn list(&self, params: DeviceList) -> Result<Vec<Device>, ApiError> {
        self.look(params, |cx, _| rpc::device::list(cx)).await
    }

    async fn show(&self, params: DeviceShow) -> Result<Device, ApiError> {
        self.look(params, rpc::device::show).await
    }

    async fn link(&self, params: DeviceLink) -> Result<Linking, ApiError> {
        let network = self.network_tag()?;
        // Called again it goes on with the same link: that is all that an idempotency key is for.
        let begin = move |cx: &mut crate::engine::Cx<'_, '_>| rpc::device::link(cx, &params, network);
        self.access.change(&self.caller, DeviceLink::METHOD, begin).await?;
        let until = Instant::now() + REACHED;
        loop {
            if let Some(linking) = self.engine.call(rpc::device::linking).await? {
                return Ok(linking);
            }
            if Instant::now() >= until {
                let sentence = "The new machine does not answer. It is tried on for 10 minutes: is `covey init --link` still running there, and can the two reach each other? Run this again to see.";
                return Err(ApiError::new(Reason::TimedOut, sentence));
            }
            sleep(LOOK).await;
        }
    }

    async fn confirm(&self, params: DeviceConfirm) -> Result<Device, ApiError> {
        // What was typed counts as an attempt, also if it is refused.
        let confirm = move |cx: &mut crate::engine::Cx<'_, '_>| rpc::device::confirm(cx, &params);
        let id = self.access.change(&self.caller, DeviceConfirm::METHOD, confirm).await??;
        let until = Instant::now() + HANDED_OVER;
        loop {
            let look = id.clone();
            if let Some(device) = self.engine.call(move |cx| rpc::device::linked(cx, &look)).await? {
                return Ok(device);
            }
            if Instant::now() >= until {
                let show = DeviceShow { device: id };
                let unseen = self.engine.call(move |cx| rpc::device::show(cx, &show)).await;
                let sentence = "The new machine went away before it had the account. It is tried on until the link ends; start `covey init --link` there again.";
                return unseen.map_err(|_| ApiError::new(Reason::TimedOut, sentence));
            }
            sleep(LOOK).await;
        }
    }

    async fn rename(&self, params: DeviceRename) -> Result<Device, ApiError> {
        self.change(params, |cx, params| rpc::device::rename(cx, &params)).await
    }

    async fn revoke(&self, params: DeviceRevoke) -> Result<Device, ApiError> {
        self.change(params, |cx, params| rpc::device::revoke(cx, &params)).await
    }
}
