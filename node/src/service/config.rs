//! `config.*`

use covey_api::{ApiError, ConfigApi, ConfigReload, ConfigReloaded};

use super::Service;

impl ConfigApi for Service {
    async fn reload(&self, _params: ConfigReload) -> Result<ConfigReloaded, ApiError> {
        self.settings.reload().await
    }
}
