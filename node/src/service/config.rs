//! `config.*`

use covey_api::{ApiError, ConfigApi, ConfigReload, ConfigReloaded, ConfigSet, ConfigShow, Setting};

use super::Service;

impl ConfigApi for Service {
    async fn show(&self, params: ConfigShow) -> Result<Vec<Setting>, ApiError> {
        self.settings.show(params.key.as_deref())
    }

    async fn set(&self, params: ConfigSet) -> Result<Setting, ApiError> {
        let set = self.settings.set(&params.key, params.value.as_ref()).await;
        self.audit::<ConfigSet, _>(&set).await;
        set
    }

    async fn reload(&self, _params: ConfigReload) -> Result<ConfigReloaded, ApiError> {
        let reloaded = self.settings.reload().await;
        self.audit::<ConfigReload, _>(&reloaded).await;
        reloaded
    }
}
