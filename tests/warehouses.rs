//! What every SQL warehouse promises, over every database there is: one suite, one bench.

#[path = "warehouses/bench.rs"]
mod bench;
#[path = "warehouses/contract.rs"]
mod contract;
#[path = "warehouses/faults.rs"]
mod faults;
#[path = "warehouses/history.rs"]
mod history;
#[path = "warehouses/postgres.rs"]
mod postgres_server;
mod servers;
#[path = "warehouses/values.rs"]
mod values;

macro_rules! suite {
    ($($database:ident)*: $tests:tt) => { $(suite!(@one $database $tests);)* };
    (@one $database:ident { $($module:ident: $($test:ident)*;)* }) => {
        mod $database {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    if let Some(db) = crate::bench::Db::$database() {
                        crate::$module::$test(db).await;
                    }
                })*
            })*
        }
    };
}

suite! {
    sqlite postgres: {
        history:
            a_members_life_is_kept_as_it_was
            who_left_stays_as_a_tombstone
            where_rows_are_deleted_the_log_remembers_for_them
            sent_again_in_its_run_a_batch_is_not_looked_at
            sent_again_in_other_batches_and_runs_operations_count_once
            in_doubt_and_sent_again_with_what_is_known_today_the_change_is_taken
            runs_as_of_one_moment_can_go_back_and_forth
            a_row_of_an_older_run_is_ignored
            to_remove_who_is_not_there_is_to_do_nothing
            a_member_added_again_without_a_change_is_no_event
            an_update_of_who_is_not_there_lets_them_in
            arms_are_labels_and_a_new_arm_is_a_change
            the_same_member_twice_in_a_batch_is_one
            audiences_and_tenants_are_kept_apart
            other_rows_under_a_batchs_id_are_refused_and_nothing_is_written;
        contract:
            each_entry_is_paired_with_the_next_exit
            cohorts_are_iso_weeks_and_sums_are_exact
            of_two_events_with_one_id_the_first_counts
            an_event_that_cannot_be_held_is_refused_alone
            a_run_is_logged_in_the_contracts_words
            rejects_are_logged_once
            members_are_listed_in_pages
            only_the_tenants_own_are_forgotten
            two_prefixes_share_a_file;
        values:
            a_row_that_cannot_be_held_is_refused_alone
            odd_texts_are_kept_byte_for_byte
            what_cannot_be_an_audience_is_refused
            any_member_id_and_text_come_back_as_they_were
            a_resend_changes_nothing_but_the_run;
        faults:
            rows_that_somebody_elses_rule_refuses_are_refused_alone_and_again
            a_text_of_a_megabyte_comes_back
            moments_and_amounts_at_their_edges_come_back
            attributes_of_every_kind_come_back
            an_older_schema_gets_what_it_lacks
            a_newer_schema_and_one_that_lost_a_column_are_left_alone
            a_table_of_somebody_else_is_left_alone
            columns_that_others_added_do_no_harm
            warehouses_that_start_at_once_make_one_set_of_tables;
    }
}
