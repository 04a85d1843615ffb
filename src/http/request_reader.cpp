#include "http/request_reader.hpp"

#include <algorithm>

namespace asyncio::http::detail {

// `fresh` itself, if nothing is left over: it need not be copied.
std::string_view RequestReader::with_kept(std::string_view fresh) {
  if (kept_.empty()) return fresh;
  if (!fresh.empty()) {
    kept_.erase(0, used_);
    used_ = 0;
    kept_.append(fresh);
  }
  return std::string_view(kept_).substr(used_);
}

// What follows the first `from` of `bytes`, which are those of with_kept().
void RequestReader::keep(std::string_view bytes, std::size_t from) {
  if (kept_.empty()) {
    kept_.assign(bytes.substr(from));
    return;
  }
  used_ += from;
  if (used_ < kept_.size()) return;
  kept_.clear();
  used_ = 0;
}

bool RequestReader::take_head(std::string_view fresh) {
  const std::string_view bytes = with_kept(fresh);
  switch (scanner_.scan(bytes, header_bytes_)) {
    case HeadScanner::Found::nothing_yet: keep(bytes, 0); return false;
    case HeadScanner::Found::bad_line:
      error_ = {400, "a line does not end with CR and LF, or is folded"};
      return true;
    case HeadScanner::Found::too_long: error_ = {431, "the header is too long"}; return true;
    case HeadScanner::Found::end: break;
  }
  const std::size_t begin = scanner_.begin();
  const std::size_t end = scanner_.end();
  scanner_ = HeadScanner();
  head_.clear();
  head_.text.assign(bytes.substr(begin, end - begin));
  keep(bytes, end);
  error_ = parse(head_);
  if (!error_) begin_body();
  return true;
}

void RequestReader::begin_body() noexcept {
  chunks_ = ChunkDecoder();
  body_left_ = head_.content_length.value_or(0);
  body_over_ = body_left_ == 0 && !head_.chunked;
}

bool RequestReader::take_body(std::string_view fresh, std::string* into) {
  if (body_over_ || error_) return true;
  const std::string_view bytes = with_kept(fresh);
  std::size_t taken = 0;
  bool some = false;
  while (taken < bytes.size() && !body_over_ && !error_) {
    const std::size_t size = into == nullptr ? 0 : into->size();
    taken += take_piece(bytes.substr(taken), into);
    some = some || into == nullptr || into->size() > size;
  }
  keep(bytes, taken);
  return some || body_over_ || error_;
}

std::size_t RequestReader::take_piece(std::string_view bytes, std::string* into) {
  if (!head_.chunked) {
    const std::size_t size = std::min<std::uint64_t>(body_left_, bytes.size());
    if (into != nullptr) into->append(bytes.substr(0, size));
    body_left_ -= size;
    body_over_ = body_left_ == 0;
    return size;
  }
  const ChunkDecoder::Step step = chunks_.take(bytes);
  if (into != nullptr) into->append(step.data);
  body_over_ = chunks_.over();
  if (chunks_.bad()) error_ = {400, "the chunks of the body are none"};
  return step.taken;
}

void RequestReader::save_memory() noexcept {
  if (kept_.empty() && kept_.capacity() > std::string().capacity()) std::string().swap(kept_);
  if (!body_over_ || has_more()) return;
  // The request before is over.
  head_.clear();
}

}  // namespace asyncio::http::detail
