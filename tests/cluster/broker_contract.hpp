#pragma once

#include "cluster/broker_contract_clients.hpp"
#include "cluster/broker_contract_queues.hpp"
#include "cluster/broker_contract_support.hpp"
#include "cluster/broker_contract_workers.hpp"

#include <iterator>
#include <string>

/// What every broker does. A broker's tests run each of `cases` over an empty Store:
///
///     class RedisBrokerContract : public ::testing::TestWithParam<broker_contract::Case> {};
///     TEST_P(RedisBrokerContract, Holds) { ... co_await GetParam().run(store); ... }
///     INSTANTIATE_TEST_SUITE_P(Cases, RedisBrokerContract,
///                              ::testing::ValuesIn(broker_contract::cases),
///                              broker_contract::name_of);
///
/// None waits for longer than about half a second, if what it waits for comes.
namespace broker_contract {

struct Case {
  const char* name;
  Coro<> (*run)(Store& store);
};

inline std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }
inline void PrintTo(const Case& shown, std::ostream* out) { *out << shown.name; }

#define BROKER_CASE(name) \
  Case { #name, &name }

inline const Case cases[] = {
    BROKER_CASE(what_is_published_is_claimed_once_and_in_order),
    BROKER_CASE(a_message_comes_with_all_its_fields),
    BROKER_CASE(a_claim_that_waits_gets_what_is_published_then),
    BROKER_CASE(a_worker_gets_what_is_in_its_queues_only),
    BROKER_CASE(two_workers_share_what_there_is),
    BROKER_CASE(a_claim_that_is_cancelled_loses_nothing),
    BROKER_CASE(a_full_queue_refuses_until_something_is_claimed),
    BROKER_CASE(a_delayed_message_comes_after_its_delay),
    BROKER_CASE(the_client_gets_what_its_message_gave),
    BROKER_CASE(an_id_that_is_accepted_twice_runs_once_for_both_clients),
    BROKER_CASE(a_client_that_asks_late_gets_the_result_that_is_kept),
    BROKER_CASE(an_id_is_new_again_when_its_result_was_kept_for_long_enough),
    BROKER_CASE(a_report_reaches_the_clients_that_wait),
    BROKER_CASE(a_wait_for_replies_that_is_cancelled_loses_nothing),
    BROKER_CASE(what_is_cancelled_in_the_queue_does_not_begin),
    BROKER_CASE(the_worker_is_told_that_nobody_wants_the_result),
    BROKER_CASE(what_nobody_wants_is_not_delivered_again),
    BROKER_CASE(what_another_client_waits_for_goes_on),
    BROKER_CASE(a_lease_that_is_not_extended_comes_back),
    BROKER_CASE(a_lease_that_is_extended_does_not_come_back),
    BROKER_CASE(a_worker_learns_which_leases_it_has_lost),
    BROKER_CASE(what_a_worker_has_comes_back_at_once_when_it_leaves),
    BROKER_CASE(the_first_end_is_the_one_that_counts),
    BROKER_CASE(the_end_by_a_worker_that_lost_its_lease_counts_if_it_is_first),
    BROKER_CASE(what_ended_while_it_waited_to_be_redelivered_does_not_run_again),
    BROKER_CASE(what_is_put_off_comes_back_as_the_attempt_given),
    BROKER_CASE(what_is_put_off_for_no_time_comes_back_at_once),
    BROKER_CASE(a_worker_without_room_is_told_of_cancellations_all_the_same),
    BROKER_CASE(empty_batches_do_nothing),
    BROKER_CASE(ten_thousand_messages_come_once_and_in_order),
    BROKER_CASE(a_mebibyte_of_all_values_comes_back_unchanged),
    BROKER_CASE(what_fails_for_good_is_a_dead_letter),
    BROKER_CASE(dead_letters_are_listed_in_pages),
    BROKER_CASE(a_dead_letter_that_is_requeued_runs_as_a_new_one),
    BROKER_CASE(what_nobody_comes_back_with_is_a_dead_letter),
    BROKER_CASE(what_waits_can_be_looked_at),
    BROKER_CASE(the_status_counts_what_has_happened),
    BROKER_CASE(draining_drops_what_waits_and_tells_its_clients),
    BROKER_CASE(a_limited_queue_delivers_no_more_than_its_rate),
    BROKER_CASE(claims_that_wait_get_what_the_rate_allows_later),
    BROKER_CASE(closing_ends_every_wait),
};

#undef BROKER_CASE

}  // namespace broker_contract
