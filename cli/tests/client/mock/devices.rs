//! Devices of the mock: two, and one that can be linked.

use covey_api::*;

use super::{Mock, at};

impl DeviceApi for Mock {
    async fn list(&self, _: DeviceList) -> Result<Vec<Device>, ApiError> {
        Ok(vec![device("laptop"), Device { this: false, role: DeviceRole::Plain, seen: None, ..device("server") }])
    }

    async fn show(&self, params: DeviceShow) -> Result<Device, ApiError> {
        if params.device == "nobody" {
            return Err(ApiError::new(Reason::NoSuchDevice, "No device of yours is called \"nobody\"."));
        }
        Ok(device(&params.device))
    }

    async fn link(&self, params: DeviceLink) -> Result<Linking, ApiError> {
        let name = params.name.unwrap_or_else(|| "server".into());
        Ok(Linking { device: "cvd1new".into(), name, digits: "042137".into(), expires_at: at(600) })
    }

    async fn confirm(&self, params: DeviceConfirm) -> Result<Device, ApiError> {
        if params.digits == "042137" {
            return Ok(Device { this: false, ..device("server") });
        }
        Err(ApiError::new(Reason::WrongDigits, "These are not the digits."))
    }

    async fn rename(&self, params: DeviceRename) -> Result<Device, ApiError> {
        Ok(device(&params.name))
    }

    async fn revoke(&self, params: DeviceRevoke) -> Result<Device, ApiError> {
        Ok(Device { state: DeviceState::Revoked, ..device(&params.device) })
    }
}

fn device(name: &str) -> Device {
    Device {
        device: "cvd1qqqq".into(),
        name: name.into(),
        role: DeviceRole::Holder,
        since: at(0),
        seen: Some(at(0)),
        state: DeviceState::Active,
        this: true,
        transfer: None,
    }
}
