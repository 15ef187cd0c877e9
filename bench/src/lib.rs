//! wirerace: one quote stream over every transport, measured end to end.
//!
//! The order to read in: [`registry`] (the table of transports), [`trial`] (one measurement), [`run`] (many, in
//! blocks), [`ledger`] and [`identities`] (what the meters add up to), `summary` and `report` (what it says).

pub mod advise;
pub mod advise_command;
pub mod calibration;
pub mod charts;
pub mod check_command;
pub mod child;
pub mod child_lines;
pub mod claims;
pub mod claims_command;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod compare_command;
pub mod comparisons;
pub mod control_client;
pub mod demo;
pub mod doctor;
pub mod environment;
pub mod exchanges;
pub mod experiment;
pub mod failure;
pub mod identities;
pub mod lab;
pub mod ledger;
pub mod limits;
pub mod link;
pub mod load_command;
pub mod machine;
pub mod nearest;
pub mod noise;
pub mod order;
pub mod output;
pub mod picture;
pub mod pinning;
pub mod published;
pub mod race;
pub mod race_board;
pub mod registry;
pub mod report;
pub mod run;
pub mod schemas;
pub mod self_test;
pub mod serve_command;
pub mod server_url;
pub mod statistics;
pub mod summary;
pub mod theory;
pub mod trial;
pub mod units;
pub mod utc;
pub mod verify;
pub mod verify_command;
