#include "net/tls_accept.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/exception_context.hpp>

#include <utility>

namespace asyncio::detail {
namespace {

bool is_about_certificates(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const ssl::SSLCertVerificationError&) {
    return true;
  } catch (...) {
    return false;
  }
}

void report_failure(LoopState& loop, const Address& peer, const std::exception_ptr& error) {
  ExceptionContext context;
  context.message = "SSL handshake failed";
  if (is_about_certificates(error)) context.message += " on verifying the certificate";
  context.message += ", connection with " + peer.str() + " is closed";
  context.exception = error;
  loop.report(context);
}

}  // namespace

Coro<std::unique_ptr<ByteStream>> accept_tls(LoopState& loop, std::unique_ptr<Endpoint> endpoint,
                                             Address peer, TlsSettings settings) {
  auto stream = co_await as_result(
      start_tls_over(loop, std::move(endpoint), TlsEngine::Side::server, std::move(settings)));
  if (stream) co_return std::move(stream).value();
  if (stream.cancelled()) raise(failure_of(stream));
  report_failure(loop, peer, stream.error());
  co_return nullptr;
}

}  // namespace asyncio::detail
