#include "base/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "assay_keys_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

// RFC 8410, section 10.3 (without attributes) and 10.1.
constexpr std::string_view kSecretPem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view kPublicPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";

TEST(KeyFile, HasThePemOfTheStandard) {
  const SigningKey key = decode_signing_key(kSecretPem, "test").value();
  EXPECT_EQ(encode_signing_key(key), kSecretPem);
  EXPECT_EQ(encode_public_key(key.public_key()), kPublicPem);
  EXPECT_EQ(decode_public_key(kPublicPem, "test").value(), key.public_key());
  EXPECT_EQ(key_id_of(key.public_key()), sha256(key.public_key()));
}

TEST(KeyFile, RefusesOtherTexts) {
  const auto code = [](std::string_view text) { return decode_signing_key(text, "test").error().code; };
  EXPECT_EQ(code(""), ErrorCode::kMalformed);
  EXPECT_EQ(code(kPublicPem), ErrorCode::kMalformed);
  for (const std::string_view text :
       {std::string_view(), std::string_view("-----END PRIVATE KEY-----"), kPublicPem, kSecretPem.substr(1)})
    EXPECT_EQ(decode_signing_key(text, "test").error().to_string(),
              "test: it does not begin with '-----BEGIN PRIVATE KEY-----'");
  for (std::size_t size = 0; size < kSecretPem.size(); ++size)
    EXPECT_FALSE(decode_signing_key(kSecretPem.substr(0, size), "test").ok()) << size;
  EXPECT_EQ(decode_signing_key(kSecretPem.substr(0, kSecretPem.find("-----END")), "test").error().to_string(),
            "test: it does not end with '-----END PRIVATE KEY-----'");
  EXPECT_EQ(code(std::string(kSecretPem) + std::string(kSecretPem)), ErrorCode::kNonCanonical);
  std::string moved(kSecretPem);
  moved.insert(40, "\n");
  EXPECT_EQ(code(moved), ErrorCode::kNonCanonical);
  std::string other(kSecretPem);
  other.replace(other.find("VwBCIE"), 6, "VwBCIF");
  EXPECT_EQ(code(other), ErrorCode::kMalformed) << "another tag or algorithm";
  EXPECT_EQ(decode_public_key(kSecretPem, "test").error().code, ErrorCode::kMalformed);
}

TEST(KeyFile, KeepsASecretFromOthers) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0);
  const std::string text(kSecretPem);
  const Bytes bytes(text.begin(), text.end());
  const Status written = write_private_file(folder / "key", bytes, AtomicFile::Existing::kKeep);
  ::umask(before);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(fs::status(folder / "key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(read_signing_key(folder / "key").ok());
  fs::permissions(folder / "key", fs::perms::group_read, fs::perm_options::add);
  const Error refused = read_signing_key(folder / "key").error();
  EXPECT_EQ(refused.code, ErrorCode::kMismatch);
  EXPECT_THAT(refused.reason, testing::HasSubstr("chmod 600"));
  EXPECT_EQ(read_signing_key(folder / "none").error().code, ErrorCode::kIo);
}

TEST(KeyFile, ReplacesNoFileUnlessToldTo) {
  const TemporaryFolder folder;
  const Bytes first = {1};
  const Bytes second = {2};
  ASSERT_TRUE(write_private_file(folder / "key", first, AtomicFile::Existing::kKeep).ok());
  EXPECT_EQ(write_private_file(folder / "key", second, AtomicFile::Existing::kKeep).error().code,
            ErrorCode::kMismatch);
  EXPECT_EQ(read_file(folder / "key", 10).value(), first);
  ASSERT_TRUE(write_private_file(folder / "key", second, AtomicFile::Existing::kReplace).ok());
  EXPECT_EQ(read_file(folder / "key", 10).value(), second);
  EXPECT_EQ(std::distance(fs::directory_iterator((folder / "key").parent_path()), {}), 1)
      << "no temporary file is left";
}

}  // namespace
}  // namespace assay
