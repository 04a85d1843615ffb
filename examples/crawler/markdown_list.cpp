#include "markdown_list.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

namespace crawler {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Takes what stands before `end` out of the text, and `end` itself; all of it if there is none.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t size = text.find(end);
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
  return taken;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool is_blank(char c) { return blanks.find(c) != std::string_view::npos; }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// "## Name" or "## Name ##"; the text of any other line is nothing.
std::optional<std::string_view> heading(std::string_view line) {
  if (!take(line, "##") || (!line.empty() && !is_blank(line.front()))) return std::nullopt;
  line = trimmed(line);
  const std::size_t last = line.find_last_not_of('#');
  if (last == std::string_view::npos) return std::string_view();
  // "C#" has its own one: what closes a heading stands apart.
  if (is_blank(line[last])) line = trimmed(line.substr(0, last));
  return line;
}

bool take_bullet(std::string_view& line) {
  line = trimmed(line);
  if (line.size() < 2 || (line[0] != '*' && line[0] != '-') || !is_blank(line[1])) return false;
  line = trimmed(line.substr(1));
  return true;
}

// Takes "[text]", in which brackets come in pairs or behind a backslash.
std::optional<std::string> take_link_text(std::string_view& line) {
  if (!take(line, "[")) return std::nullopt;
  std::string text;
  int open = 1;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\' && i + 1 < line.size() &&
                         (line[i + 1] == '[' || line[i + 1] == ']' || line[i + 1] == '\\');
    if (escaped) {
      ++i;
    } else if (line[i] == '[') {
      ++open;
    } else if (line[i] == ']' && --open == 0) {
      line.remove_prefix(i + 1);
      return text;
    }
    text += line[i];
  }
  return std::nullopt;
}

// Takes "(target)" or "(target "title")".
std::optional<std::string_view> take_link_target(std::string_view& line) {
  if (!take(line, "(") || line.find(')') == std::string_view::npos) return std::nullopt;
  const std::string_view inside = trimmed(take_until(line, ')'));
  return inside.substr(0, inside.find_first_of(blanks));
}

bool is_owner(std::string_view name) {
  // Pages of GitHub's own that look like repositories.
  constexpr std::array<std::string_view, 8> pages = {
      "apps", "collections", "features", "marketplace", "orgs", "sponsors", "topics", "users"};
  return !name.empty() && std::find(pages.begin(), pages.end(), name) == pages.end() &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_repo(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

std::optional<Project> project_at(std::string_view url) {
  if (!take(url, "https://github.com/")) return std::nullopt;
  std::string_view path = take_until(url, '#');
  const std::string_view owner = take_until(path, '/');
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  if (!is_owner(owner) || !is_repo(path)) return std::nullopt;
  Project project;
  project.owner = owner;
  project.repo = path;
  project.url = "https://github.com/" + project.owner + "/" + project.repo;
  return project;
}

std::optional<Project> project_of_item(std::string_view line) {
  if (!take_bullet(line)) return std::nullopt;
  const std::optional<std::string> text = take_link_text(line);
  if (!text) return std::nullopt;
  const std::optional<std::string_view> target = take_link_target(line);
  const std::string_view name = trimmed(*text);
  if (!target || name.empty()) return std::nullopt;
  std::optional<Project> project = project_at(*target);
  if (project) project->name = name;
  return project;
}

// GitHub does not tell "Owner" from "owner".
std::string key_of(const Project& project) {
  std::string key = project.owner + "/" + project.repo;
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return key;
}

}  // namespace

std::vector<Project> parse_list(std::string_view markdown) {
  std::vector<Project> projects;
  std::set<std::string> seen;  // no hash table: a list could be made to fill one of its buckets
  std::string_view category;
  take(markdown, "\xEF\xBB\xBF");
  while (!markdown.empty()) {
    std::string_view line = take_until(markdown, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto name = heading(line)) {
      category = *name;
    } else if (!category.empty()) {
      std::optional<Project> project = project_of_item(line);
      if (!project || !seen.insert(key_of(*project)).second) continue;
      project->category = category;
      projects.push_back(std::move(*project));
    }
  }
  return projects;
}

}  // namespace crawler
