//! The client's calls to the dataset ledger.

use super::{Client, ClientError};
use crate::wire::ledger::{
    DatasetView, Grant, GrantList, LedgerView, LineageView, OperationList, OperationView,
    RecordOperation,
};
use uuid::Uuid;

impl Client {
    /// `GET /v1/ledger`.
    ///
    /// # Errors
    /// [`ClientError`], like every call.
    pub async fn ledger(&self) -> Result<LedgerView, ClientError> {
        self.get("/v1/ledger").await
    }

    /// Uploads evidence and records it: `POST /v1/ledger/operations`. Safe to repeat with the same `id`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn record(&self, id: Uuid, evidence: Vec<u8>) -> Result<OperationView, ClientError> {
        let again = evidence.clone();
        match self.upload_and_record(id, evidence).await {
            // An earlier try that was still under way has used the upload: this one learns what came of it.
            Err(error) if error.code() == Some("unknown_upload") => {
                self.upload_and_record(id, again).await
            }
            answered => answered,
        }
    }

    async fn upload_and_record(
        &self,
        id: Uuid,
        evidence: Vec<u8>,
    ) -> Result<OperationView, ClientError> {
        let upload = self.upload(None, evidence).await?;
        let body = RecordOperation { id, upload };
        self.post("/v1/ledger/operations", &body).await
    }

    /// `GET /v1/ledger/operations`: from this one on, or where not given the newest.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operations(
        &self,
        from: Option<u64>,
        limit: u64,
    ) -> Result<OperationList, ClientError> {
        let mut url = self.at("/v1/ledger/operations");
        url.query_pairs_mut()
            .append_pair("limit", &limit.to_string());
        if let Some(from) = from {
            url.query_pairs_mut().append_pair("from", &from.to_string());
        }
        self.answer(self.http.get(url)).await
    }

    /// `GET /v1/ledger/operations/{index}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operation(&self, index: u64) -> Result<OperationView, ClientError> {
        self.get(&format!("/v1/ledger/operations/{index}")).await
    }

    /// `GET /v1/ledger/operations/{index}/receipt`: in the form `tlog-proof@v1`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operation_receipt(&self, index: u64) -> Result<String, ClientError> {
        let bytes = self
            .bytes(&format!("/v1/ledger/operations/{index}/receipt"))
            .await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `GET /v1/ledger/operations/{index}/evidence`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evidence(&self, index: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/v1/ledger/operations/{index}/evidence"))
            .await
    }

    /// `GET /v1/ledger/datasets/{id}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn dataset(&self, id: &str) -> Result<DatasetView, ClientError> {
        self.get(&format!("/v1/ledger/datasets/{id}")).await
    }

    /// `GET /v1/ledger/datasets/{id}/operations`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn dataset_operations(
        &self,
        id: &str,
        after: Option<&str>,
    ) -> Result<OperationList, ClientError> {
        let mut url = self.at(&format!("/v1/ledger/datasets/{id}/operations"));
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", after);
        }
        self.answer(self.http.get(url)).await
    }

    /// `GET /v1/ledger/datasets/{id}/lineage`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lineage(&self, id: &str) -> Result<LineageView, ClientError> {
        self.get(&format!("/v1/ledger/datasets/{id}/lineage")).await
    }

    /// `GET /v1/ledger/datasets/{id}/permissions`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grants(&self, id: &str) -> Result<GrantList, ClientError> {
        self.get(&format!("/v1/ledger/datasets/{id}/permissions"))
            .await
    }

    /// `PUT /v1/ledger/datasets/{id}/permissions/{account}`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grant(&self, id: &str, account: &str, grant: &Grant) -> Result<(), ClientError> {
        let mut url = self.at(&format!("/v1/ledger/datasets/{id}/permissions"));
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(account);
        }
        self.send(self.http.put(url).json(grant)).await.map(drop)
    }
}
