#include "net/tls_bio.hpp"

#include <openssl/bio.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace asyncio::detail {

std::span<std::byte> TlsBuffer::room(std::size_t n) {
  if (capacity_ - end_ < n) grow(n);
  return {data_.get() + end_, capacity_ - end_};
}

// Moves to the front only when half of it is free there: else a long queue that is taken from and
// added to in small parts would be moved each time.
void TlsBuffer::grow(std::size_t n) {
  const std::size_t used = size();
  if (begin_ >= capacity_ / 2 && capacity_ - used >= n) {
    std::memmove(data_.get(), data_.get() + begin_, used);
  } else {
    const std::size_t capacity = std::max(2 * capacity_, used + n);
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);  // not zeroed
    if (used != 0) std::memcpy(larger.get(), data_.get() + begin_, used);
    data_ = std::move(larger);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = used;
}

void TlsBuffer::filled(std::size_t n) noexcept { end_ += n; }

void TlsBuffer::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
  end_ += bytes.size();
}

void TlsBuffer::consume(std::size_t n) noexcept {
  begin_ += n;
  release_if_empty();
}

void TlsBuffer::release_if_empty() noexcept {
  if (!empty()) return;
  data_.reset();
  begin_ = end_ = capacity_ = 0;
}

namespace {

TlsBio& of(BIO* bio) noexcept { return *static_cast<TlsBio*>(BIO_get_data(bio)); }

int read(BIO* bio, char* to, int size) noexcept {
  TlsBio& self = of(bio);
  BIO_clear_retry_flags(bio);
  if (self.in.empty()) {
    if (self.eof) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(self.in.size(), static_cast<std::size_t>(size));
  std::memcpy(to, self.in.view().data(), n);
  self.in.consume(n);
  return static_cast<int>(n);
}

int write(BIO* bio, const char* from, int size) noexcept {
  TlsBio& self = of(bio);
  BIO_clear_retry_flags(bio);
  std::span<const std::byte> rest = std::as_bytes(std::span(from, static_cast<std::size_t>(size)));
  if (self.sink != nullptr && self.out.empty()) rest = rest.subspan(self.sink->take(rest));
  try {
    self.out.append(rest);
    return size;
  } catch (const std::bad_alloc&) {  // an exception must not pass through C
    self.out_of_memory = true;
    return -1;
  }
}

long control(BIO* bio, int command, long, void*) noexcept {
  const TlsBio& self = of(bio);
  switch (command) {
    case BIO_CTRL_EOF: return self.eof && self.in.empty() ? 1 : 0;
    case BIO_CTRL_PENDING: return static_cast<long>(self.in.size());
    case BIO_CTRL_WPENDING: return static_cast<long>(self.out.size());
    case BIO_CTRL_FLUSH: return 1;
    default: return 0;
  }
}

BIO_METHOD* make_method() {
  BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "asyncio");
  if (made == nullptr) throw std::bad_alloc();
  BIO_meth_set_read(made, &read);
  BIO_meth_set_write(made, &write);
  BIO_meth_set_ctrl(made, &control);
  return made;
}

}  // namespace

bio_st* TlsBio::make() {
  static BIO_METHOD* const method = make_method();  // never freed: BIOs may outlive the statics
  BIO* bio = BIO_new(method);
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace asyncio::detail
