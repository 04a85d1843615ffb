#pragma once

#include <curl/curl.h>

#include <memory>
#include <new>
#include <string>

namespace asyncio::http::detail {

template <auto free>
struct FreedBy {
  template <class T>
  void operator()(T* it) const noexcept {
    free(it);
  }
};

using EasyHandle = std::unique_ptr<CURL, FreedBy<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, FreedBy<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<CURLSH, FreedBy<curl_share_cleanup>>;
using UrlHandle = std::unique_ptr<CURLU, FreedBy<curl_url_cleanup>>;
using CurlText = std::unique_ptr<char, FreedBy<curl_free>>;

/// A list of lines, for curl.
class CurlList {
 public:
  CurlList() noexcept = default;
  explicit CurlList(curl_slist* taken) noexcept : list_(taken) {}
  void add(const std::string& line) {
    curl_slist* const longer = curl_slist_append(list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    [[maybe_unused]] const curl_slist* const within = list_.release();
    list_.reset(longer);
  }
  [[nodiscard]] curl_slist* get() const noexcept { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, FreedBy<curl_slist_free_all>> list_;
};

}  // namespace asyncio::http::detail
