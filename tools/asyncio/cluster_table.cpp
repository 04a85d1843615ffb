#include "cluster_text.hpp"
#include "progress/display_width.hpp"
#include "text.hpp"
#include "top_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <utility>

namespace asyncio::command {
namespace {

/// Columns as wide as what is in them. Numbers stand at the right.
class Table {
 public:
  enum class Side : bool { left, right };
  struct Column {
    const char* title;
    Side side;
  };

  Table(std::initializer_list<Column> columns) : columns_(columns) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.emplace_back(column.title);
    add(std::move(titles));
  }

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    if (rows_.size() == 1) return lines;  // the titles
    std::vector<int> widths(columns_.size());
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths[i] = std::max(widths[i], detail::columns_of(row[i]));
      }
    }
    for (const auto& row : rows_) lines.push_back(line_of(row, widths));
    return lines;
  }

 private:
  [[nodiscard]] std::string line_of(const std::vector<std::string>& row,
                                    const std::vector<int>& widths) const {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(static_cast<std::size_t>(widths[i] - detail::columns_of(row[i])),
                               ' ');
      if (i > 0) line += "  ";
      line += columns_[i].side == Side::right ? blanks + row[i] : row[i] + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

constexpr Table::Side left = Table::Side::left;
constexpr Table::Side right = Table::Side::right;

std::string text_of(std::uint64_t count) { return std::to_string(count); }

std::string rate_text(double rate) { return rate > 0 ? fmt::format("{:g}/s", rate) : "-"; }

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + shown(name);
  return text;
}

Table queues_table(const ClusterLook& look) {
  Table table{{"queue", left},    {"queued", right},      {"running", right},    {"delayed", right},
              {"dead", right},    {"accepted", right},    {"finished", right},   {"failed", right},
              {"retried", right}, {"redelivered", right}, {"duplicates", right}, {"rate", right}};
  for (const QueueLook& queue : look.queues) {
    const cluster::QueueStatus& status = queue.status;
    table.add({shown(status.queue), text_of(status.queued), text_of(status.running),
               text_of(status.delayed), text_of(status.dead), text_of(status.accepted),
               text_of(status.finished), text_of(status.failed), text_of(status.retried),
               text_of(status.redelivered), text_of(status.duplicates), rate_text(status.rate)});
  }
  return table;
}

Table workers_table(const ClusterLook& look) {
  Table table{{"worker", left},
              {"queues", left},
              {"concurrency", right},
              {"running", right},
              {"silent for", right}};
  for (const WorkerLook& worker : look.workers) {
    const cluster::WorkerStatus& status = worker.status;
    table.add({shown(status.name), joined(worker.queues), text_of(status.concurrency),
               text_of(status.running), span_text(status.silent.seconds())});
  }
  return table;
}

}  // namespace

std::vector<std::string> table_of(const ClusterLook& look) {
  std::vector<std::string> lines = queues_table(look).lines();
  const std::vector<std::string> workers = workers_table(look).lines();
  if (!workers.empty()) lines.emplace_back();
  lines.insert(lines.end(), workers.begin(), workers.end());
  return lines;
}

std::vector<std::string> table_of(const std::vector<cluster::Message>& waiting) {
  Table table{{"id", left}, {"task", left}, {"attempt", right}, {"delay", right}};
  for (const cluster::Message& message : waiting) {
    const double delay = message.delay.seconds();
    table.add({shown(message.id), shown(message.task), text_of(message.attempt),
               delay > 0 ? span_text(delay) : "-"});
  }
  return table.lines();
}

std::vector<std::string> table_of(const std::vector<cluster::DeadLetter>& letters) {
  Table table{{"entry", left}, {"id", left}, {"task", left}, {"attempt", right}, {"reason", left}};
  for (const cluster::DeadLetter& letter : letters) {
    table.add({shown(letter.entry), shown(letter.message.id), shown(letter.message.task),
               text_of(letter.message.attempt), shown(letter.reason)});
  }
  return table.lines();
}

}  // namespace asyncio::command
