#include "outcome.hpp"

#include <stdexcept>

namespace parity {
namespace {

std::string describe_cancelled(const asyncio::CancelledError& error) {
  if (error.message().empty()) return "cancelled";
  return "cancelled(" + std::string(error.message()) + ")";
}

std::string describe_group(const asyncio::BaseExceptionGroup& group) {
  std::string text;
  for (const std::exception_ptr& error : group.exceptions()) {
    text += (text.empty() ? "" : ",") + describe(error);
  }
  return "{" + text + "}";
}

std::string describe_other(const std::exception& error) {
  return dynamic_cast<const std::invalid_argument*>(&error) != nullptr
             ? "ValueError"
             : std::string("std::exception: ") + error.what();
}

}  // namespace

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Err& e) {
    return "E" + std::to_string(e.number);
  } catch (const asyncio::CancelledError& e) {
    return describe_cancelled(e);
  } catch (const asyncio::GeneratorExit&) {
    return "GeneratorExit";
  } catch (const asyncio::BaseExceptionGroup& e) {
    return describe_group(e);
  } catch (const asyncio::TimeoutError&) {
    return "TimeoutError";
  } catch (const asyncio::QueueEmpty&) {
    return "QueueEmpty";
  } catch (const asyncio::QueueFull&) {
    return "QueueFull";
  } catch (const asyncio::QueueShutDown&) {
    return "QueueShutDown";
  } catch (const asyncio::BrokenBarrierError&) {
    return "BrokenBarrierError";
  } catch (const asyncio::InvalidStateError&) {
    return "InvalidStateError";
  } catch (const asyncio::RuntimeError& e) {
    return std::string(e.what()).starts_with("deadlock: ") ? "deadlock" : "RuntimeError";
  } catch (const std::exception& e) {
    return describe_other(e);
  } catch (...) {
    return "an unknown exception";
  }
}

bool is_exception(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::string listed(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() == 1 ? "" : ",") + item;
  return text + "]";
}

std::string show(const std::vector<int>& values) {
  std::vector<std::string> items;
  for (const int value : values) items.push_back(show(value));
  return listed(items);
}

std::string bracket(const std::string& repr) {
  const std::size_t from = repr.rfind('[');
  return repr.substr(from, repr.size() - 1 - from);
}

}  // namespace parity
