#include "base/file_kind.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/kinds.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Result<Json> read_nothing(const fs::path& path) { return Json{{"name", path.filename().string()}}; }
bool is_hello(const Glance& glance) { return glance.head.starts_with("Hello"); }

constexpr std::array kKinds = {
    FileKind{Mark::kOther, "a greeting", "greeting", read_nothing, is_hello},
    FileKind{Mark::kFields, "a", "any", read_nothing},
    FileKind{Mark::kFields, "a b", "both", read_nothing},
    FileKind{Mark::kFormat, "assay/x/v", "x", read_nothing},
    FileKind{Mark::kStatement, "application/x", "signed x", read_nothing},
    FileKind{Mark::kMetadata, "assay/m/v", "m", read_nothing},
    FileKind{Mark::kBytes, "ABC", "long", read_nothing},
    FileKind{Mark::kBytes, "AB", "short", read_nothing},
    FileKind{Mark::kEntries, "one two", "pair", read_nothing},
    FileKind{Mark::kEntries, "two one", "as long, and behind it", read_nothing},
};

class FileKindTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "assay_kinds_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string kind_of_text(std::string_view text) {
    const fs::path path = folder_ / "file";
    EXPECT_TRUE(write_file(path, text).ok());
    const Result<const FileKind*> kind = find_kind(path, kKinds);
    return kind.ok() ? std::string((*kind)->name) : kind.error().to_string();
  }

  fs::path folder_;
};

std::string safetensors(std::string_view header) {
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  return text.append(header);
}

TEST_F(FileKindTest, TheLongestTagOfTheFirstMarkSaysTheKind) {
  EXPECT_EQ(kind_of_text("ABX"), "short");
  EXPECT_EQ(kind_of_text("ABC"), "long");
  EXPECT_EQ(kind_of_text("Hello."), "greeting");
  EXPECT_EQ(kind_of_text(R"({"a": 1})"), "any");
  EXPECT_EQ(kind_of_text(R"({"b": {"a": 1}, "a": [1]})"), "both");
  EXPECT_EQ(kind_of_text(R"({"b": 1, "a": 2, "format": "assay/x/v7"})"), "x");
  EXPECT_EQ(kind_of_text(R"( {"payloadType": "application/x"})"), "signed x");
  EXPECT_EQ(kind_of_text(R"({"format": "pt", "payloadType": "application/x"})"), "signed x");
  EXPECT_EQ(kind_of_text(safetensors(R"({"__metadata__": {"format": "assay/m/v1"}})")), "m");
}

TEST_F(FileKindTest, FieldsWithinOthersSayNothing) {
  EXPECT_NE(kind_of_text(R"({"c": {"a": 1, "format": "assay/x/v1"}})"), "x");
  EXPECT_NE(kind_of_text(R"([{"a": 1}])"), "any");
  EXPECT_NE(kind_of_text(safetensors(R"({"format": {"format": "assay/m/v1"}})")), "m");
  EXPECT_NE(kind_of_text(safetensors(R"({"__metadata__": {"other": "assay/m/v1"}})")), "m");
  EXPECT_NE(kind_of_text(safetensors(R"( {"__metadata__": {"format": "assay/m/v1"}})")), "m");
  EXPECT_NE(kind_of_text(R"({"format": {"format": "assay/x/v1"}})"), "x");
}

TEST_F(FileKindTest, AHeaderMayHaveAHundredMebibytes) {
  // Of which the file holds the first few.
  const auto named = [](char last_byte) {
    return std::string{last_byte, 0, 64, 6, 0, 0, 0, 0} + R"({"__metadata__": {"format": "assay/m/v1"}})";
  };
  EXPECT_EQ(kind_of_text(named(0)), "m");
  EXPECT_NE(kind_of_text(named(1)), "m");
}

TEST_F(FileKindTest, OtherTextsAreNoFormat) { EXPECT_EQ(kind_of_text(R"({"a": "assay/x/v1"})"), "any"); }

TEST_F(FileKindTest, BrokenTextsBearTheirMarkUpToWhereTheyBreak) {
  EXPECT_EQ(kind_of_text(R"({"format": "assay/x/v1", "a": )"), "x");
  EXPECT_EQ(kind_of_text(R"({"a": 1, "b": [1, 2)"), "both");
  EXPECT_EQ(kind_of_text(R"({"a": 1, "a": 2})"), "any");
}

TEST_F(FileKindTest, FoldersAreToldByWhatLiesInThem) {
  ASSERT_TRUE(write_file(folder_ / "one", std::string_view("AB")).ok());
  EXPECT_FALSE(find_kind(folder_, kKinds).ok());
  ASSERT_TRUE(write_file(folder_ / "two", std::string_view("AB")).ok());
  EXPECT_EQ(find_kind(folder_, kKinds).value()->name, "pair");
}

TEST_F(FileKindTest, AsManyNamesAreKeptAs4096) {
  std::string fields = "{\"first\":0";
  for (int i = 0; i < 4096; ++i) fields += ",\"" + std::to_string(i) + "\":0";
  ASSERT_TRUE(write_file(folder_ / "file", fields + "}").ok());
  EXPECT_EQ(glance_at(folder_ / "file")->names.size(), 4096U);
  for (int i = 0; i < 4096; ++i) fs::create_hard_link(folder_ / "file", folder_ / std::to_string(i));
  EXPECT_EQ(glance_at(folder_)->names.size(), 4096U);
}

TEST_F(FileKindTest, AFolderThatCannotBeReadIsAnError) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Result<Glance> glance = glance_at(folder_);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(glance.error().code, ErrorCode::kIo);
  EXPECT_EQ(glance.error().to_string(), folder_.string() + ": Too many open files");
}

TEST_F(FileKindTest, WhatIsOfNoKindIsRefused) {
  EXPECT_EQ(kind_of_text(""),
            (folder_ / "file").string() + ": of no kind that is known here: assay show --kinds lists them");
  EXPECT_EQ(kind_of_text(R"({"format": "assay/y/v1"})"),
            (folder_ / "file").string() + ": of the format 'assay/y/v1', which is not known here");
  EXPECT_EQ(find_kind(folder_ / "nowhere", kKinds).error().code, ErrorCode::kIo);
}

TEST(FileKind, WordsOfValues) {
  EXPECT_EQ(words_of("a b"), "a b");
  EXPECT_EQ(words_of(nullptr), "none");
  EXPECT_EQ(words_of(3.5), "3.5");
  EXPECT_EQ(words_of(Json::array()), "none");
  EXPECT_EQ(words_of(Json{1, 2, 3}), "1, 2, 3");
  EXPECT_EQ(words_of(Json{1, 2, 3, 4, 5, 6, 7, 8, 9}), "1, 2, 3, 4, 5, 6, 7, 8, .. (9)");
  EXPECT_EQ(words_of(Json{{"a", 1}, {"b", "c"}}), "a 1, b c");
}

}  // namespace
}  // namespace assay
