//! `config.*`

use covey_api::{ApiError, ConfigApi, ConfigReload, ConfigReloaded};

use super::Service;

impl ConfigApi for Service {
    async fn reload(&self, _params: ConfigReload) -> Result<ConfigReloaded, ApiError> {
        let reloaded = self.settings.reload().await;
        self.audit::<ConfigReload, _>(&reloaded).await;
        reloaded
    }
}
