#include "crawler/csv.hpp"
#include "crawler/markdown_list.hpp"
#include "crawler/table.hpp"

#include "support/files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using crawler::parse_list;
using crawler::Project;
using crawler::Ranked;
using Strings = std::vector<std::string>;

/// "NAME OWNER/REPO (CATEGORY)" of each.
Strings found(std::string_view markdown) {
  Strings all;
  for (const Project& p : parse_list(markdown)) {
    EXPECT_EQ(p.url, "https://github.com/" + p.owner + "/" + p.repo);
    all.push_back(p.name + " " + p.owner + "/" + p.repo + " (" + p.category + ")");
  }
  return all;
}

/// Of a list that consists of one link, in category C: its repository.
std::string repository_of(const std::string& url) {
  const auto projects = parse_list("## C\n* [x](" + url + ") text\n");
  return projects.empty() ? "none" : projects.front().owner + "/" + projects.front().repo;
}

/// Of a list that consists of one item: its name.
std::string name_of(const std::string& item) {
  const auto projects = parse_list("## C\n" + item + "\n");
  return projects.empty() ? "none" : projects.front().name;
}

Ranked ranked(std::string name, std::int64_t stars, std::string category = "C") {
  Ranked made{{.name = name, .owner = "o", .repo = name, .url = {}, .category = category}, stars};
  made.project.url = "https://github.com/o/" + made.project.repo;
  return made;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

// --- lists --------------------------------------------------------------------------------------

TEST(MarkdownList, GivesTheProjectsBelowSecondLevelHeadings) {
  EXPECT_EQ(found("# Awesome\n"
                  "* [early](https://github.com/o/early)\n"
                  "## One\n"
                  "Text.\n"
                  "* [a](https://github.com/o/a) - what it is. [MIT]\n"
                  "- [b](https://github.com/o/b)\n"
                  "### More of one\n"
                  "  * [c](https://github.com/o/c)\n"
                  "## Two\n"
                  "* [d](https://github.com/p/d)"),
            (Strings{"a o/a (One)", "b o/b (One)", "c o/c (One)", "d p/d (Two)"}));
}

TEST(MarkdownList, ReadsHeadingsAsTheyAreWritten) {
  const std::string item = "\n* [x](https://github.com/o/r)\n";
  EXPECT_EQ(found("## Name ##" + item), Strings{"x o/r (Name)"});
  EXPECT_EQ(found("##\tName #  " + item), Strings{"x o/r (Name)"});
  EXPECT_EQ(found("## C#" + item), Strings{"x o/r (C#)"});
  EXPECT_EQ(found("## C# and F# ###" + item), Strings{"x o/r (C# and F#)"});
  EXPECT_EQ(found("##Name" + item), Strings{}) << "no heading";
  EXPECT_EQ(found("##" + item), Strings{}) << "of no name";
  EXPECT_EQ(found("## ##" + item), Strings{});
}

TEST(MarkdownList, ToleratesUsualVariantsOfAnAddress) {
  EXPECT_EQ(repository_of("https://github.com/o/r"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o/r/"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o/r.git"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o/r.git/"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o/r#readme"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o/r/#a/b"), "o/r");
  EXPECT_EQ(repository_of("https://github.com/o-1/r.x_y-z"), "o-1/r.x_y-z");
  EXPECT_EQ(repository_of("https://github.com/o/r \"a title\""), "o/r");
}

TEST(MarkdownList, PassesOverOtherAddresses) {
  for (const char* url : {"https://github.com/o/r/tree/main",
                          "https://github.com/o/r/tree/main/",
                          "https://github.com/o",
                          "https://github.com/o/",
                          "https://github.com/",
                          "https://github.com//r",
                          "https://github.com/o//",
                          "https://github.com/o/.git",
                          "https://github.com/o/..",
                          "https://github.com/o/r?tab=readme",
                          "https://github.com/o/r%20x",
                          "https://github.com/o_x/r",
                          "https://gitlab.com/o/r",
                          "https://github.community/o/r",
                          "http://github.com/o/r",
                          "https://github.com.example/o/r",
                          "#o/r",
                          "",
                          "https://github.com/topics/cpp",
                          "https://github.com/sponsors/o"}) {
    EXPECT_EQ(repository_of(url), "none") << url;
  }
}

TEST(MarkdownList, PassesOverMalformedLines) {
  for (const char* item : {"*[x](https://github.com/o/r)", "* x](https://github.com/o/r)",
                           "* [x] (https://github.com/o/r)", "* [x(https://github.com/o/r)",
                           "* [x](https://github.com/o/r", "* [](https://github.com/o/r)",
                           "* [ ](https://github.com/o/r)", "[x](https://github.com/o/r)",
                           "* see [x](https://github.com/o/r)", "*", "* ", "* [", "* [x](",
                           "* [x\\](https://github.com/o/r)"}) {
    EXPECT_EQ(name_of(item), "none") << item;
  }
}

TEST(MarkdownList, NamesMayHaveBrackets) {
  EXPECT_EQ(name_of("* [a \\[b\\]](https://github.com/o/r)"), "a [b]");
  EXPECT_EQ(name_of("* [a [b] c](https://github.com/o/r)"), "a [b] c");
  EXPECT_EQ(name_of("* [a\\]](https://github.com/o/r)"), "a]");
  EXPECT_EQ(name_of("* [a\\\\](https://github.com/o/r)"), "a\\");
  EXPECT_EQ(name_of("* [a\\b](https://github.com/o/r)"), "a\\b");
}

TEST(MarkdownList, ARepositoryThatComesAgainCountsOnce) {
  EXPECT_EQ(found("## One\n"
                  "* [a](https://github.com/o/r)\n"
                  "* [b](https://github.com/O/R.git)\n"
                  "## Two\n"
                  "* [c](https://github.com/o/r/)\n"),
            Strings{"a o/r (One)"});
}

TEST(MarkdownList, LinesMayEndByCrLf) {
  EXPECT_EQ(found("\xEF\xBB\xBF## One ##\r\n* [a](https://github.com/o/a)\r\n"
                  "- [b](https://github.com/o/b) text\r\n"),
            (Strings{"a o/a (One)", "b o/b (One)"}));
}

// Each of them takes minutes if it takes time that grows as the square.
TEST(MarkdownList, HostileListsTakeNoLongerThanOthers) {
  constexpr std::size_t much = 500'000;
  const std::string start = "## C\n";
  for (const std::string_view part :
       {"* [", "[", "]", "* [x](", "(", "\\", "#", "## ", "\n", "* ", "\r"}) {
    std::string list = start;
    while (list.size() < much) list += part;
    EXPECT_TRUE(parse_list(list).empty()) << part;
    EXPECT_TRUE(parse_list(start + "* " + list).empty()) << part;
  }
  std::string many = start;
  for (int i = 0; i < 50'000; ++i)
    many += "* [x](https://github.com/o/" + std::to_string(i) + ")\n";
  EXPECT_EQ(parse_list(many + many).size(), 50'000U);
}

// --- CSV ----------------------------------------------------------------------------------------

TEST(Csv, HasTheBestFirstAndThenTheNames) {
  EXPECT_EQ(crawler::to_csv({ranked("b", 5), ranked("c", 70), ranked("a", 5)}),
            "name,url,stars,category\r\n"
            "c,https://github.com/o/c,70,C\r\n"
            "a,https://github.com/o/a,5,C\r\n"
            "b,https://github.com/o/b,5,C\r\n");
}

TEST(Csv, OfNothingIsItsHeader) { EXPECT_EQ(crawler::to_csv({}), "name,url,stars,category\r\n"); }

TEST(Csv, QuotesWhatHasToBeQuoted) {
  Ranked odd = ranked("x", 1, "a \"b\", c\nd");
  odd.project.name = "漢, \"";
  EXPECT_EQ(crawler::to_csv({odd}),
            "name,url,stars,category\r\n"
            "\"漢, \"\"\",https://github.com/o/x,1,\"a \"\"b\"\", c\nd\"\r\n");
}

TEST(Csv, ASpreadsheetFindsNoFormulas) {
  for (const char first : {'=', '+', '-', '@', '\t', '\r'}) {
    Ranked evil = ranked("x", 1, std::string(1, first) + "1");
    const std::string text = crawler::to_csv({evil});
    EXPECT_NE(text.find(first == '\r' ? ",\"'" : ",'"), std::string::npos) << text;
  }
}

TEST(Csv, AFileIsReplacedWhole) {
  const support::Folder folder;
  const std::string path = folder.write("out.csv", "old");
  crawler::write_csv(path, {ranked("a", 1)});
  EXPECT_EQ(content_of(path), crawler::to_csv({ranked("a", 1)}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Csv, ANewFileHasThePermissionsOfAnyNewOne) {
  const support::Folder folder;
  const mode_t before = ::umask(027);
  crawler::write_csv(folder / "out.csv", {});
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "out.csv").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST(Csv, AnErrorNamesTheFileAndItsReasonAndLeavesTheOldOne) {
  const support::Folder folder;
  const std::string lost = folder / "no/such/folder.csv";
  try {
    crawler::write_csv(lost, {});
    ADD_FAILURE() << "written";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.what(), "write " + lost + ": No such file or directory");
  }

  const std::string path = folder.write("out.csv", "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string what;
  try {
    crawler::write_csv(path, {ranked("a", 1)});
  } catch (const std::system_error& error) {
    what = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(what, "write " + path + ": File too large");
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

// --- the table ----------------------------------------------------------------------------------

TEST(Table, ShowsTheBestInColumns) {
  EXPECT_EQ(
      crawler::to_table({ranked("b", 5), ranked("longer name", 12345, "Web"), ranked("a", 7)}, 2),
      "project      stars  category  url\n"
      "longer name  12345  Web       https://github.com/o/longer name\n"
      "a                7  C         https://github.com/o/a\n");
}

TEST(Table, WideCharactersTakeTwoColumns) {
  Ranked wide = ranked("r", 1, "漢字");
  wide.project.name = "e\u0301漢";
  EXPECT_EQ(crawler::to_table({wide}, 9),
            "project  stars  category  url\n"
            "e\u0301漢          1  漢字      https://github.com/o/r\n");
}

TEST(Table, LongNamesAreCutAndControlCharactersHarmless) {
  Ranked odd = ranked("r", 1, "\033[31m\xFF");
  odd.project.name = std::string(50, 'x');
  EXPECT_EQ(crawler::to_table({odd}, 9),
            "project                                   stars  category  url\n" +
                std::string(39, 'x') + "…      1  ?[31m?    https://github.com/o/r\n");
}

TEST(Table, OfNothingIsItsHeader) {
  EXPECT_EQ(crawler::to_table({}, 5), "project  stars  category  url\n");
  EXPECT_EQ(crawler::to_table({ranked("a", 1)}, 0), "project  stars  category  url\n");
}
