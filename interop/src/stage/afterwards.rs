//! What is tried when a case has been given up because something did not come: whether it only comes late, or when
//! more is written, or at the end. Nobody is judged by it, but it tells the mistake.

use super::act::Actor;
use super::raw::RawEnd;
use crate::limits;
use crate::model::body::Body;
use crate::model::protocol::Transport;
use crate::model::transcript::{Act, Channel};

impl Actor<'_> {
    /// Waits for what is missing, then writes one more message, then ends the conversation.
    pub(super) async fn look_on(&mut self) {
        if self.cast.protocol.transport != Transport::Tcp {
            return;
        }
        let Some((channel, missing)) = self.scene.given_up() else { return };
        let patience = if self.scene.is_patient() { limits::LATE } else { limits::LESS_LATE };
        if self.scene.comes_after_all(channel, missing, patience).await {
            return;
        }
        if self.write_one_more(channel)
            && self.scene.comes_after_all(channel, missing, limits::AFTERWARDS).await
        {
            return;
        }
        if self.end_of_all(channel).await {
            self.scene.comes_after_all(channel, missing, limits::AFTERWARDS).await;
        }
    }

    /// What was begun is not ended by it: behind half a message, another would be part of it.
    fn write_one_more(&mut self, channel: Channel) -> bool {
        let protocol = self.cast.protocol;
        let conn = channel.conn();
        if protocol.has_one_message() || self.scene.is_mid_message(conn) {
            return false;
        }
        match self.raw.get_mut(&conn) {
            Some(RawEnd::Stream(end)) => {
                end.write_at_once(&protocol.frame(&Body::from("one more")))
            }
            _ => false,
        }
    }

    async fn end_of_all(&mut self, channel: Channel) -> bool {
        let conn = channel.conn();
        let end = self.raw.get_mut(&conn);
        let ends = end.is_some() || self.clients.contains_key(&conn);
        if let Some(end) = end {
            end.finish();
        }
        if let Some(client) = self.clients.get_mut(&conn) {
            self.scene.did(Act::InputEnded { conn });
            client.end_input().await;
        }
        ends
    }
}
