#pragma once

#include "ranking.hpp"

#include <string>
#include <vector>

namespace crawler {

/// name,url,stars,category by RFC 4180, with a header, the best first.
[[nodiscard]] std::string to_csv(std::vector<Ranked> projects);

/// Replaces the file in one step: who reads it sees the old one or the new one, whole.
///
/// Throws: std::system_error "write DIR/FILE: No space left on device"; the old file is left then.
void write_csv(const std::string& path, std::vector<Ranked> projects);

}  // namespace crawler
