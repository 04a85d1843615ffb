// The subcommands worker and cluster of the command, as processes.

#include <asyncio/cluster.hpp>
#include <asyncio/subprocess.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/redis_messages.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#ifdef ASYNCIO_COMMAND

using namespace std::chrono_literals;
using namespace support;
using asyncio::Args;
using asyncio::cluster::Cluster;
using asyncio::cluster::Name;
using asyncio::cluster::SubmitOptions;
using asyncio::subprocess::DEVNULL;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
using Words = std::vector<std::string>;

namespace {

constexpr Name<int(int, int)> add("add");

struct Ended {
  Ended() noexcept = default;
  std::string out;
  std::string err;
  int status = -1;
};

// Args and not Words: g++ 12 cannot have the lists of vectors in a co_await expression.
Coro<Process> start(Args words, const asyncio::Environment* environment = nullptr) {
  Words all = std::move(words).list();
  all.insert(all.begin(), ASYNCIO_COMMAND);
  Args args(std::move(all));
  asyncio::subprocess::Options options;
  options.stdin_ = DEVNULL;
  options.stdout_ = PIPE;
  options.stderr_ = PIPE;
  options.env = environment;
  options.abandon = asyncio::subprocess::Abandon::kill;
  Process process = co_await asyncio::create_subprocess_exec(std::move(args), options);
  co_return process;
}

Coro<Ended> end_of(const Process& process) {
  auto output = co_await asyncio::wait_for(process.communicate(), 60s);
  Ended ended;
  ended.out = std::move(output.stdout_).value();
  ended.err = std::move(output.stderr_).value();
  ended.status = co_await process.wait();
  co_return ended;
}

Coro<Ended> run(Args words, const asyncio::Environment* environment = nullptr) {
  Process process = co_await start(std::move(words), environment);
  Ended ended = co_await end_of(process);
  co_return ended;
}

/// `asyncio cluster WORDS... --redis URL`
Coro<Ended> cluster(const RedisServer& server, Args words) {
  Words all = std::move(words).list();
  all.insert(all.begin(), "cluster");
  all.insert(all.end(), {"--redis", server.url()});
  Args args(std::move(all));
  Ended ended = co_await run(std::move(args));
  co_return ended;
}

/// Waits for a line of it that has this in it.
Coro<std::string> line_with(asyncio::StreamReader reader, std::string part) {
  std::string line;
  do {
    line = co_await asyncio::wait_for(reader.readline(), 60s);
  } while (!line.empty() && line.find(part) == std::string::npos);
  co_return line;
}

/// Delivers all that waits to a worker, which makes dead letters of it.
Coro<> bury_all(RedisBroker& broker, int count) {
  const Consumer who = consumer("gravedigger");
  while (count > 0) {
    Claimed claimed = co_await broker.claim(who, 100);
    for (Delivery& one : claimed.deliveries) {
      co_await broker.fail(std::move(one), "it was \x1b[2Jrefused", "");
      --count;
    }
  }
  co_await broker.leave(who);
}

Coro<> publish_all(RedisBroker& broker, std::vector<Message> all) {
  (void)co_await broker.publish(std::move(all), 0);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// --- worker -------------------------------------------------------------------------------------

ASYNC_TEST(WorkerCommand, MakesAProgramOfTasksAWorker) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  Process worker = co_await start({"worker", COMMAND_PROGRAM, "--redis", server.url(), "--queues",
                                   "mail,more", "--concurrency", "3", "--name", "w1"});
  Cluster client(server.url());
  SubmitOptions options;
  options.queue = "mail";
  EXPECT_EQ(co_await client.submit(options, add, 3, 4), 7);
  options.queue = "more";
  EXPECT_EQ(co_await client.submit(options, add, 30, 4), 34);
  const Ended status = co_await cluster(server, {"status"});
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_TRUE(has(status.out, "w1      mail,more            3        0  ")) << status.out;
  worker.send_signal(SIGTERM);  // which it gets itself: there is no process in between
  const Ended ended = co_await end_of(worker);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_TRUE(has(ended.err, "2 done")) << ended.err;
  EXPECT_EQ(ended.out, "");
  co_await client.close();
}

ASYNC_TEST(WorkerCommand, TakesItsOptionsBeforeAndBehindTheProgram) {
  const std::string url = "redis://127.0.0.1:1";
  const std::string all =
      "ASYNCIO_WORKER=" + url +
      "\nASYNCIO_WORKER_CONCURRENCY=3\nASYNCIO_WORKER_GRACE=0.5\nASYNCIO_WORKER_NAME=n\n"
      "ASYNCIO_WORKER_QUEUES=a,b\nASYNCIO_WORKER_VISIBILITY=20\n";
  const Words options{"--redis", url,   "--queues",     "a,b", "--concurrency", "3",
                      "--grace", "0.5", "--visibility", "20",  "--name",        "n"};
  for (const bool before : {true, false}) {
    Words words{"worker"};
    const Words program{"sh", "--", "-c", "env | grep ^ASYNCIO_WORKER | sort"};
    if (before) {
      words.insert(words.end(), options.begin(), options.end());
      words.insert(words.end(), program.begin(), program.end());
    } else {
      words.emplace_back("sh");
      words.insert(words.end(), options.begin(), options.end());
      words.insert(words.end(), program.begin() + 1, program.end());
    }
    Args args(std::move(words));
    const Ended ended = co_await run(std::move(args));
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, all) << "before: " << before;
  }
}

ASYNC_TEST(WorkerCommand, WhatIsNotSaidTheProgramDecides) {
  auto environment = asyncio::Environment::current();
  environment.set("ASYNCIO_CLUSTER", "redis://127.0.0.1:2");
  const Ended ended =
      co_await run({"worker", "sh", "--", "-c", "env | grep ^ASYNCIO_WORKER"}, &environment);
  EXPECT_EQ(ended.out, "ASYNCIO_WORKER=redis://127.0.0.1:2\n");
}

ASYNC_TEST(WorkerCommand, GivesTheProgramItsArguments) {
  const std::string url = "redis://127.0.0.1:1";
  const Ended ended = co_await run(
      {"worker", "printf", "--redis", url, "--", "<%s>", "--redis", "[a,b]", "--", "--help", ""});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "<--redis><[a,b]><--><--help><>");
}

ASYNC_TEST(WorkerCommand, SaysWhyAProgramCannotBeRun) {
  const std::string url = "redis://127.0.0.1:1";
  Ended ended = co_await run({"worker", "no\x1bprogram", "--redis", url});
  EXPECT_EQ(ended.status, 127);
  EXPECT_EQ(ended.err,
            "asyncio worker: there is no program \"no\\x1bprogram\" in PATH; one that is in this "
            "folder is ./NAME\n");
  ended = co_await run({"worker", "/etc/passwd", "--redis", url});
  EXPECT_EQ(ended.status, 126);
  EXPECT_EQ(ended.err, "asyncio worker: \"/etc/passwd\" cannot be run: Permission denied\n");
}

// --- cluster ------------------------------------------------------------------------------------

ASYNC_TEST(ClusterCommand, StatusIsThreeWhereTasksWaitAndNobodyWorks) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  EXPECT_EQ((co_await cluster(server, {"status"})).status, 0);
  co_await publish_all(broker, messages(3));
  const Ended waiting = co_await cluster(server, {"status"});
  EXPECT_EQ(waiting.status, 3);
  EXPECT_EQ(waiting.err, "asyncio cluster: queue \"mail\" has 3 tasks to do and no worker\n");
  EXPECT_EQ((co_await cluster(server, {"status", "other"})).status, 0);
  const Consumer who = consumer();
  std::vector<Lease> none;
  (void)co_await broker.extend(who, std::move(none));
  const Ended attended = co_await cluster(server, {"status"});
  EXPECT_EQ(attended.status, 0) << attended.err;
  EXPECT_EQ(attended.err, "");
  // As if it had not been heard of for longer than a minute.
  (void)server.cli({"HSET", "asyncio:{mail}:workers", "worker", "1000 4"});
  const Ended silent = co_await cluster(server, {"status"});
  EXPECT_EQ(silent.status, 3);
  EXPECT_TRUE(has(silent.err, "; the last one, \"worker\", is silent for ")) << silent.err;
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, DelayedTasksNeedAWorkerWhenTheirTimeHasCome) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 1h;
  co_await publish(broker, std::move(later));
  EXPECT_EQ((co_await cluster(server, {"status"})).status, 0);
  (void)server.cli({"ZADD", "asyncio:{mail}:delayed", "1000", "later"});
  EXPECT_EQ((co_await cluster(server, {"status"})).status, 3);
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, StatusCountsForPeopleAndForPrograms) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish_all(broker, messages(3));
  const Consumer who = consumer();
  const Delivery one = co_await claim_one(broker, who);
  co_await finish(broker, one.lease);
  const Delivery two = co_await claim_one(broker, who);
  EXPECT_EQ((co_await cluster(server, {"limit", "mail", "2.5"})).out,
            "mail: at most 2.5 tasks a second\n");
  const Ended table = co_await cluster(server, {"status"});
  EXPECT_TRUE(has(table.out,
                  "queue  queued  running  delayed  dead  accepted  finished  failed  retried  "
                  "redelivered  duplicates   rate\n"
                  "mail        1        1        0     0         3         1       0        0  "
                  "          0           0  2.5/s\n\n"
                  "worker  queues  concurrency  running  silent for\n"
                  "worker  mail              4        1  "))
      << table.out;
  const Ended json = co_await cluster(server, {"status", "--json"});
  EXPECT_TRUE(has(json.out,
                  R"({"queues":[{"queue":"mail","queued":1,"running":1,"delayed":0,"dead":0,)"
                  R"("accepted":3,"finished":1,"failed":0,"retried":0,"redelivered":0,)"
                  R"("duplicates":0,"rate":2.5,"workers":1,"unattended":false}],)"
                  R"("workers":[{"name":"worker","queues":["mail"],"concurrency":4,"running":1,)"))
      << json.out;
  const Ended prometheus = co_await cluster(server, {"status", "--prometheus"});
  EXPECT_TRUE(has(prometheus.out,
                  "# TYPE asyncio_cluster_accepted_total counter\n"
                  "asyncio_cluster_accepted_total{queue=\"mail\"} 3\n"))
      << prometheus.out;
  EXPECT_TRUE(has(prometheus.out, "asyncio_cluster_worker_running{worker=\"worker\"} 1\n"));
  EXPECT_EQ((co_await cluster(server, {"limit", "mail", "0"})).out, "mail: no limit\n");
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, WatchesUntilItIsInterrupted) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  Process watching =
      co_await start({"cluster", "status", "--watch", "--timeout", "0.2", "--redis", server.url()});
  EXPECT_TRUE(has(co_await line_with(*watching.stdout_, "mail "), "mail        1 "));
  co_await publish(broker, message("b"));
  EXPECT_TRUE(has(co_await line_with(*watching.stdout_, "mail        2 "), "mail"));
  server.kill();
  EXPECT_TRUE(has(co_await line_with(*watching.stdout_, "has not answered"), "unix://"));
  server.start();
  EXPECT_TRUE(has(co_await line_with(*watching.stdout_, "nothing was ever"), "submitted"));
  watching.send_signal(SIGINT);
  EXPECT_EQ((co_await end_of(watching)).status, 130);
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, ListsWhatWaits) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 2h;
  later.attempt = 2;
  co_await publish(broker, std::move(later));
  co_await publish_all(broker, messages(3));
  const Ended two = co_await cluster(server, {"tasks", "mail", "--most", "2"});
  EXPECT_EQ(two.out,
            "id  task  attempt  delay\n"
            "m0  send        1      -\n"
            "m1  send        1      -\n");
  EXPECT_EQ(two.err, "asyncio cluster: 2 more; --most shows them\n");
  const Ended all = co_await cluster(server, {"tasks", "mail"});
  EXPECT_TRUE(has(all.out, "later  send        2  1:59:5")) << all.out;
  const Ended json = co_await cluster(server, {"tasks", "mail", "--json"});
  EXPECT_TRUE(has(json.out, R"([{"id":"m0","task":"send","attempt":1,"delay_seconds":0.0},)"))
      << json.out;
  const Ended typo = co_await cluster(server, {"tasks", "male"});
  EXPECT_EQ(typo.out, "");
  EXPECT_EQ(typo.err,
            "asyncio cluster: nothing was ever submitted to queue \"male\"; there are: mail\n");
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, ListsDeadLettersAndGivesThemBack) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish_all(broker, messages(250));
  co_await bury_all(broker, 250);
  const Ended dead = co_await cluster(server, {"dead", "mail", "--most", "1"});
  EXPECT_TRUE(has(dead.out, "m0  send        1  it was \\x1b[2Jrefused\n")) << dead.out;
  EXPECT_EQ(dead.err, "asyncio cluster: 249 more; --most shows them\n");
  const Ended json = co_await cluster(server, {"dead", "mail", "--json"});
  EXPECT_TRUE(has(json.out, R"("id":"m0","task":"send","attempt":1,"reason":"it was \u001b[2J)"));
  const std::size_t line = dead.out.find('\n') + 1;
  const std::string entry = dead.out.substr(line, dead.out.find(' ', line) - line);
  const Ended one = co_await cluster(server, {"requeue", "mail", entry});
  EXPECT_EQ(one.out, "1 requeued\n") << entry;
  EXPECT_EQ(one.status, 0);
  const Ended again = co_await cluster(server, {"requeue", "mail", entry, "nonsense"});
  EXPECT_EQ(again.out, "0 requeued\n");
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(has(again.err, "2 of 2 are no dead letters of queue \"mail\" any more"));
  EXPECT_EQ((co_await cluster(server, {"requeue", "mail", "--all"})).out, "249 requeued\n");
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.dead, 0U);
  EXPECT_EQ(status.queued, 250U);
  EXPECT_EQ((co_await cluster(server, {"drain", "mail"})).out, "250 dropped\n");
  EXPECT_EQ((co_await broker.status("mail")).queued, 0U);
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, ShowsHostileTextsEscapedAndCut) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message hostile = message("\x1b]0;owned\x07");
  hostile.queue = "a\"b\\c\n" + std::string(1000, 'M');
  hostile.task = "\xff\xfe";
  const std::string queue = hostile.queue;
  co_await publish(broker, std::move(hostile));
  const Ended status = co_await cluster(server, {"status"});
  EXPECT_FALSE(has(status.out, "\x1b"));
  EXPECT_TRUE(has(status.out, "a\"b\\c\\nMMM"));
  EXPECT_TRUE(has(status.out, "MMM... "));
  const Ended tasks = co_await cluster(server, {"tasks", queue});
  EXPECT_TRUE(has(tasks.out, "\\x1b]0;owned\\x07  \\xff\\xfe")) << tasks.out;
  const Ended prometheus = co_await cluster(server, {"status", "--prometheus"});
  EXPECT_TRUE(has(prometheus.out, R"({queue="a\"b\\c\\n)" + std::string(1000, 'M') + "\"} 1\n"))
      << prometheus.out;
  co_await broker.close();
}

ASYNC_TEST(ClusterCommand, SaysSoonThatNobodyAnswers) {
  const Folder folder;
  const std::string url = "unix://:secret@" + (folder / "nobody");
  for (const char* name : {"status", "tasks", "dead", "requeue", "drain", "limit"}) {
    Words words{"cluster", name, "--redis", url, "--timeout", "0.2"};
    if (name != std::string("status")) words.emplace_back("mail");
    if (name == std::string("requeue")) words.emplace_back("--all");
    if (name == std::string("limit")) words.emplace_back("1");
    Args args(std::move(words));
    const Ended ended = co_await run(std::move(args));
    EXPECT_EQ(ended.status, 1) << name;
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(has(ended.err, "No such file or directory")) << ended.err;
    EXPECT_TRUE(has(ended.err, "/nobody has not answered within 0.2 s")) << ended.err;
    EXPECT_FALSE(has(ended.err, "secret"));
  }
}

ASYNC_TEST(ClusterCommand, SaysThatThePasswordIsWrong) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.password = "right"});
  const Ended ended = co_await run({"cluster", "status", "--redis", server.url_with("secret")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(has(ended.err, "refuses the login")) << ended.err;
  EXPECT_FALSE(has(ended.err, "secret"));
}

ASYNC_TEST(ClusterCommand, AsksTheEnvironmentWhereNoUrlIsGiven) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  auto environment = asyncio::Environment::current();
  environment.set("ASYNCIO_CLUSTER", server.url());
  EXPECT_EQ((co_await run({"cluster", "status"}, &environment)).status, 0);
  const Ended given = co_await run({"cluster", "status", "--redis", "nonsense"}, &environment);
  EXPECT_EQ(given.status, 2);
  environment.set("ASYNCIO_CLUSTER", "memory:");
  const Ended memory = co_await run({"cluster", "status"}, &environment);
  EXPECT_EQ(memory.status, 2);
  EXPECT_TRUE(has(memory.err, "ASYNCIO_CLUSTER: ")) << memory.err;
  const Ended other = co_await run({"cluster", "status", "--redis", server.url()}, &environment);
  EXPECT_EQ(other.status, 0) << other.err;
  const Ended ps = co_await run({"ps", "4194304"}, &environment);
  EXPECT_TRUE(has(ps.err, "there is no process")) << ps.err;
}

ASYNC_TEST(ClusterCommand, RefusesWrongUsageWithStatusTwo) {
  const std::string url = "redis://127.0.0.1:1";
  std::vector<Words> wrong{{"worker"},
                           {"worker", "--redis", url},
                           {"worker", "true"},
                           {"worker", "true", "--redis", "nonsense"},
                           {"worker", "true", "--redis", "memory:"},
                           {"worker", "true", "--redis", url, "--concurrency", "0"},
                           {"worker", "true", "--redis", url, "--visibility", "0.01"},
                           {"worker", "true", "--redis", url, "--nothing"},
                           {"worker", "true", "argument", "--redis", url},
                           {"cluster"},
                           {"cluster", "nothing"},
                           {"cluster", "status"},
                           {"cluster", "status", "--redis", "redis://:secret@"},
                           {"cluster", "status", "--redis", url, "--json", "--prometheus"},
                           {"cluster", "status", "--redis", url, "--json", "--watch"},
                           {"cluster", "tasks", "--redis", url},
                           {"cluster", "tasks", "mail", "--redis", url, "--most", "0"},
                           {"cluster", "requeue", "mail", "--redis", url},
                           {"cluster", "requeue", "mail", "1-0", "--all", "--redis", url},
                           {"cluster", "limit", "mail", "--redis", url},
                           {"cluster", "limit", "mail", "--redis", url, "--", "-1"}};
  for (Words& words : wrong) {
    std::string all;
    for (const std::string& word : words) all += word + " ";
    Args args(std::move(words));
    const Ended refused = co_await run(std::move(args));
    EXPECT_EQ(refused.status, 2) << all << refused.out;
    EXPECT_NE(refused.err, "") << all;
    EXPECT_FALSE(has(refused.err, "secret"));
  }
  EXPECT_TRUE(has((co_await run({"worker", "--help"})).out, "asyncio::cluster::task()"));
  EXPECT_TRUE(has((co_await run({"cluster", "status", "--help"})).out, "3 if a queue"));
}

#endif
