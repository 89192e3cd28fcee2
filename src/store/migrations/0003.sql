-- Labs that are somebody else's: the Compose project that one watches, and does not own. Null: Operator has made the lab.

alter table labs add column adopted text;
