#include "base/append_file.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"

namespace assay {
namespace {

class AppendFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) / ("append_file." + std::to_string(::getpid()));
};

TEST_F(AppendFileTest, GrowsAndIsThereAtOnce) {
  AppendFile file = AppendFile::open(path_).value();
  EXPECT_TRUE(file.read(10)->empty());
  ASSERT_TRUE(file.append(Bytes{1, 2, 3}).ok());
  EXPECT_EQ(read_file(path_, 10).value(), (Bytes{1, 2, 3}));
  ASSERT_TRUE(file.truncate(1).ok());
  ASSERT_TRUE(file.append(Bytes{9}).ok());
  EXPECT_EQ(file.read(10).value(), (Bytes{1, 9}));
  EXPECT_EQ(file.read(1).error().code, ErrorCode::kTooLarge);
}

TEST_F(AppendFileTest, KeepsWhatWasThere) {
  { AppendFile::open(path_).value().append(Bytes{1}).value(); }
  AppendFile again = AppendFile::open(path_).value();
  ASSERT_TRUE(again.append(Bytes{2}).ok());
  EXPECT_EQ(again.read(10).value(), (Bytes{1, 2}));
}

TEST_F(AppendFileTest, IsForOneWriter) {
  const AppendFile first = AppendFile::open(path_).value();
  EXPECT_EQ(AppendFile::open(path_).error().to_string(),
            path_.string() + ": another process is writing to it: wait, or name another file");
}

// As on a disk that is full: of six bytes there is room for four.
TEST_F(AppendFileTest, LeavesNoPartOfARecord) {
  AppendFile file = AppendFile::open(path_).value();
  file.append(Bytes{1, 2, 3}).value();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit seven{7, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &seven), 0);
  const Status refused = file.append(Bytes{4, 5, 6, 7, 8, 9});
  const Status fits = file.append(Bytes{10});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, ignored);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_TRUE(fits.ok());
  EXPECT_EQ(file.read(20).value(), (Bytes{1, 2, 3, 10}));
}

TEST_F(AppendFileTest, SaysWhatTheSystemRefuses) {
  EXPECT_EQ(AppendFile::open(path_ / "below").error().to_string(),
            (path_ / "below").string() + ": cannot open: No such file or directory");
  AppendFile full = AppendFile::open("/dev/full").value();
  EXPECT_EQ(full.append(Bytes{1}).error().code, ErrorCode::kIo);
  EXPECT_EQ(full.append(Bytes{1}).error().reason, "it ends within a record that could not be written");
  EXPECT_EQ(full.truncate(0).error().code, ErrorCode::kIo);
  EXPECT_EQ(full.read(10).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay
