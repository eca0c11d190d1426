"""The editors' desk: what can be done with drafts, invitations and running broadcasts, without aiogram."""
