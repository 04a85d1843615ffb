#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace support {

/// A certificate (and those that follow it in its chain) with its key, as PEM.
struct Identity {
  std::string chain;
  std::string key;
};

/// What to make. Names are "DNS:example.com" or "IP:127.0.0.1", and may contain a NUL.
struct CertificateRequest {
  std::string common_name = "localhost";
  std::vector<std::string> names = {};
  std::int64_t begins_in = -3600;  ///< seconds from now
  std::int64_t ends_in = 3600;
  bool ca = false;
};

/// Makes certificates in memory. Its own is self-signed, or another one's.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(std::string name = "Test CA");

  [[nodiscard]] const std::string& pem() const { return own_.chain; }
  [[nodiscard]] const Identity& identity() const { return own_; }
  [[nodiscard]] Identity issue(const CertificateRequest& request) const;
  /// For "DNS:" + name.
  [[nodiscard]] Identity issue_for(const std::string& name) const;
  /// A CA below this one. What it issues has its certificate in the chain.
  [[nodiscard]] CertificateAuthority intermediate(const std::string& name) const;

 private:
  explicit CertificateAuthority(Identity own) : own_(std::move(own)), chained_(true) {}
  Identity own_;
  bool chained_ = false;
};

/// Signed by somebody who need not be a CA; with his chain.
[[nodiscard]] Identity issued_by(const Identity& issuer, const CertificateRequest& request);
/// Signed by its own key.
[[nodiscard]] Identity self_signed(const CertificateRequest& request);
/// The same without what follows the first certificate.
[[nodiscard]] Identity without_intermediates(const Identity& identity);
/// The key of the identity, encrypted.
[[nodiscard]] std::string encrypted_key(const Identity& identity, const std::string& password);

}  // namespace support
