#include "cluster_text.hpp"

#include <nlohmann/json.hpp>

namespace asyncio::command {
namespace {

using Json = nlohmann::ordered_json;

// What is no UTF-8 is replaced.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json object_of(const QueueLook& queue) {
  const cluster::QueueStatus& status = queue.status;
  return {{"queue", status.queue},
          {"queued", status.queued},
          {"running", status.running},
          {"delayed", status.delayed},
          {"dead", status.dead},
          {"accepted", status.accepted},
          {"finished", status.finished},
          {"failed", status.failed},
          {"retried", status.retried},
          {"redelivered", status.redelivered},
          {"duplicates", status.duplicates},
          {"rate", status.rate},
          {"workers", queue.workers},
          {"unattended", queue.unattended}};
}

Json object_of(const WorkerLook& worker) {
  return {{"name", worker.status.name},
          {"queues", worker.queues},
          {"concurrency", worker.status.concurrency},
          {"running", worker.status.running},
          {"silent_seconds", worker.status.silent.seconds()}};
}

Json object_of(const cluster::Message& message) {
  return {{"id", message.id},
          {"task", message.task},
          {"attempt", message.attempt},
          {"delay_seconds", message.delay.seconds()}};
}

Json object_of(const cluster::DeadLetter& letter) {
  return {{"entry", letter.entry},
          {"id", letter.message.id},
          {"task", letter.message.task},
          {"attempt", letter.message.attempt},
          {"reason", letter.reason}};
}

template <class T>
Json array_of(const std::vector<T>& all) {
  Json array = Json::array();
  for (const T& one : all) array.push_back(object_of(one));
  return array;
}

}  // namespace

std::string json_of(const ClusterLook& look) {
  return text_of({{"queues", array_of(look.queues)}, {"workers", array_of(look.workers)}});
}

std::string json_of(const std::vector<cluster::Message>& waiting) {
  return text_of(array_of(waiting));
}

std::string json_of(const std::vector<cluster::DeadLetter>& letters) {
  return text_of(array_of(letters));
}

}  // namespace asyncio::command
