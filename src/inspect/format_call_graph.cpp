#include <asyncio/inspect.hpp>

#include "base/printable.hpp"

#include <fmt/format.h>

#include <string_view>

namespace asyncio {
namespace {

using Kind = FrameCallGraphEntry::Kind;
using Cut = FutureCallGraph::Cut;

constexpr std::size_t longest_text = 1024;

// As Python quotes a string.
std::string quoted(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char mark = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  return fmt::format("{0}{1}{0}", mark, detail::printable(text, longest_text));
}

std::string_view tag_of(Kind kind) {
  switch (kind) {
    case Kind::function: return "";
    case Kind::coroutine: return "async ";
    case Kind::async_generator: break;
  }
  return "async generator ";
}

std::string head_of(const FutureBase& future) {
  detail::FutureState& state = detail::FutureAccess::state(future);
  const void* id = &state;
  if (state.kind() != detail::FutureState::Kind::task) return fmt::format("* Future(id={})", id);
  const auto& task = static_cast<const detail::TaskState&>(state);
  return fmt::format("* Task(name={}, id={})", quoted(task.name()), id);
}

/// Writes graphs inside graphs, without recursion.
class Writer {
 public:
  std::string write(const FutureCallGraph& root) {
    begin(root);
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.graph->awaited_by.size()) {
        open_.pop_back();
      } else {
        begin(top.graph->awaited_by[top.next++]);
      }
    }
    return std::move(text_);
  }

 private:
  struct Open {
    const FutureCallGraph* graph;
    std::size_t next = 0;
  };

  void begin(const FutureCallGraph& graph) {
    line(head_of(graph.future));
    if (!graph.call_stack.empty()) line("  + Call stack:");
    for (const FrameCallGraphEntry& frame : graph.call_stack) {
      line(fmt::format("  |   File {}, line {}, in {}{}()", quoted(frame.file), frame.line,
                       tag_of(frame.kind), frame.function));
    }
    if (!graph.awaited_by.empty()) line("  + Awaited by:");
    if (graph.cut == Cut::cycle) line("  + Awaited by: a cycle, see above");
    if (graph.cut == Cut::size) line("  + Awaited by: more than can be shown");
    open_.push_back({&graph});
  }

  void line(std::string_view text) {
    if (!text_.empty()) text_ += '\n';
    text_.append(open_.size() * 4, ' ');
    text_ += text;
  }

  std::string text_;
  std::vector<Open> open_;
};

void print(std::FILE* file, const std::string& text) {
  std::fprintf(file == nullptr ? stdout : file, "%s\n", text.c_str());
}

}  // namespace

std::string format_call_graph(const FutureCallGraph& graph) { return Writer().write(graph); }

std::string format_call_graph(CallGraphOptions options, std::source_location where) {
  const std::optional<FutureCallGraph> graph = capture_call_graph(options, where);
  return graph ? format_call_graph(*graph) : std::string();
}

std::string format_call_graph(const FutureBase& future, CallGraphOptions options,
                              std::source_location where) {
  return format_call_graph(capture_call_graph(future, options, where));
}

void print_call_graph(PrintCallGraphOptions options, std::source_location where) {
  print(options.file, format_call_graph({.depth = options.depth, .limit = options.limit}, where));
}

void print_call_graph(const FutureBase& future, PrintCallGraphOptions options,
                      std::source_location where) {
  print(options.file,
        format_call_graph(future, {.depth = options.depth, .limit = options.limit}, where));
}

}  // namespace asyncio
