#include "base/file.h"
#include "base/new_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <set>
#include <utility>

#include "base/append_file.h"
#include "base/unfinished_files.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "assay_file_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Names in the folder, temporary ones included.
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename().string());
    return found;
  }
  std::string content(const std::string& name) const {
    const Bytes bytes = read_file(folder_ / name, 1 << 30).value();
    return {bytes.begin(), bytes.end()};
  }

  fs::path folder_;
};

TEST_F(FileTest, WritesAndReadsBack) {
  ASSERT_TRUE(write_file(folder_ / "a", "hello").ok());
  EXPECT_EQ(content("a"), "hello");
  ASSERT_TRUE(write_file(folder_ / "a", Bytes{1, 2}).ok());
  EXPECT_EQ(read_file(folder_ / "a", 2).value(), (Bytes{1, 2}));
  ASSERT_TRUE(write_file(folder_ / "empty", "").ok());
  EXPECT_TRUE(read_file(folder_ / "empty", 0).value().empty());
  EXPECT_EQ(names(), (std::set<std::string>{"a", "empty"}));
}

TEST_F(FileTest, ReadingHasACap) {
  ASSERT_TRUE(write_file(folder_ / "a", "hello").ok());
  EXPECT_TRUE(read_file(folder_ / "a", 5).ok());
  const Error error = read_file(folder_ / "a", 4).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(error.to_string(), (folder_ / "a").string() + ": 5 bytes, at most 4 are read");
}

// What is another kind of file is refused by its first bytes, however long it is.
TEST_F(FileTest, ReadsTheTagBeforeTheRest) {
  const auto read = [this](std::string_view text, std::uint64_t cap) {
    EXPECT_TRUE(write_file(folder_ / "a", text).ok());
    return read_file(folder_ / "a", cap, "TAG", 2);
  };
  const std::string good("TAG\2\0\0\0more", 11);
  EXPECT_EQ(read(good, 11).value().size(), 11U);
  EXPECT_EQ(read(good, 10).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read("GAT" + good.substr(3), 10).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(read("TAG\1" + good.substr(4), 10).error().code, ErrorCode::kUnsupported);
  for (const std::size_t length : {0, 2, 3, 6}) {
    const Result<Bytes> cut = read(good.substr(0, length), 11);
    EXPECT_EQ(cut.error().code, ErrorCode::kMalformed) << length;
    EXPECT_THAT(cut.error().to_string(), testing::HasSubstr((folder_ / "a").string()));
  }
  ASSERT_TRUE(write_file(folder_ / "a", "assay/x/v3").ok());
  EXPECT_EQ(read_file(folder_ / "a", 100, "assay/x/v", 3).value().size(), 10U);
  EXPECT_EQ(read_file(folder_ / "a", 100, "assay/x/v", 2).error().code, ErrorCode::kUnsupported);
  // Two gigabytes of nothing.
  ASSERT_TRUE(write_file(folder_ / "a", "").ok());
  fs::resize_file(folder_ / "a", std::uintmax_t{1} << 31);
  EXPECT_EQ(read_file(folder_ / "a", std::uint64_t{1} << 32, "TAG", 2).error().code, ErrorCode::kMalformed);
}

TEST_F(FileTest, RefusesEmptyNames) {
  for (const Error& error :
       {read_file("", 100).error(), MappedFile::open("").error(), write_file("", "x").error(),
        AppendFile::open("").error(), make_directory("").error(), NewDirectory::create("").error()}) {
    EXPECT_EQ(error.code, ErrorCode::kIo);
    EXPECT_EQ(error.to_string(), "an empty path: name a file");
  }
}

TEST_F(FileTest, DirectoriesThatStayEmptyAreTakenBack) {
  ASSERT_TRUE(make_directory(folder_ / "there").ok());
  {
    const NewDirectory made = NewDirectory::create(folder_ / "a/b/c/").value();
    const NewDirectory there = NewDirectory::create(folder_ / "there").value();
    EXPECT_TRUE(fs::is_directory(folder_ / "a/b/c"));
  }
  EXPECT_EQ(names(), (std::set<std::string>{"there"}));
  {
    const NewDirectory made = NewDirectory::create(folder_ / "a/b/c").value();
    ASSERT_TRUE(write_file(folder_ / "a/b/x", "kept").ok());
  }
  EXPECT_FALSE(fs::exists(folder_ / "a/b/c"));
  EXPECT_EQ(content("a/b/x"), "kept");
  // What was made before it was refused goes too.
  EXPECT_EQ(NewDirectory::create(folder_ / "there/d" / std::string(300, 'n')).error().code, ErrorCode::kIo);
  EXPECT_EQ(names(), (std::set<std::string>{"a", "there"}));
  EXPECT_TRUE(fs::is_empty(folder_ / "there"));
}

// The system would take the name up to the NUL byte, and read or replace another file.
TEST_F(FileTest, RefusesNamesWithANulByte) {
  ASSERT_TRUE(write_file(folder_ / "a", "hello").ok());
  const fs::path path = folder_ / std::string("a\0b", 3);
  EXPECT_EQ(read_file(path, 100).error().reason, "has a NUL byte in its name");
  EXPECT_EQ(MappedFile::open(path).error().code, ErrorCode::kIo);
  EXPECT_EQ(write_file(path, "other").error().code, ErrorCode::kIo);
  EXPECT_EQ(AtomicFile::create(path).error().code, ErrorCode::kIo);
  EXPECT_EQ(make_directory(folder_ / std::string("d\0e", 3)).error().code, ErrorCode::kIo);
  EXPECT_EQ(AppendFile::open(path).error().code, ErrorCode::kIo);
  EXPECT_EQ(content("a"), "hello");
  EXPECT_EQ(names(), (std::set<std::string>{"a"}));
}

TEST_F(FileTest, ReadsRegularFilesOnly) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  for (const fs::path& path : {folder_, folder_ / "pipe", fs::path("/dev/null")}) {
    const Result<Bytes> read = read_file(path, 100);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kIo);
    EXPECT_THAT(read.error().reason, testing::HasSubstr("not a regular file"));
    EXPECT_FALSE(MappedFile::open(path).ok());
  }
  const Error missing = read_file(folder_ / "none", 100).error();
  EXPECT_EQ(missing.code, ErrorCode::kIo);
  EXPECT_EQ(missing.to_string(), (folder_ / "none").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(MappedFile::open(folder_ / "none").error().reason, missing.reason);
}

TEST_F(FileTest, ReadingReportsFilesThatDoNotHoldWhatTheySay) {
  // A file of the kernel that says 4096 bytes and holds fewer.
  const fs::path odd = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!fs::exists(odd)) GTEST_SKIP() << "this system has no such file";
  errno = EINTR;  // of a call long before
  EXPECT_EQ(read_file(odd, 1 << 20).error().reason, "became shorter while it was read");
}

TEST_F(FileTest, ReadingReportsTheSystemsErrors) {
  // The memory of this very process at address 0 cannot be read.
  const Result<Bytes> read = read_file("/proc/self/mem", 100);
  if (read.ok()) {
    EXPECT_TRUE(read->empty());
  } else {
    EXPECT_EQ(read.error().code, ErrorCode::kIo);
  }
  // The loopback interface has no speed.
  const fs::path odd = "/sys/class/net/lo/speed";
  if (!fs::exists(odd)) GTEST_SKIP() << "this system has no such file";
  EXPECT_EQ(read_file(odd, 1 << 20).error().to_string(), odd.string() + ": cannot read: Invalid argument");
}

// The first file that is opened has the number 0 then.
TEST_F(FileTest, StandardInputMayBeClosed) {
  const int input = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  const Status written = write_file(folder_ / "a", "hello");
  const Result<Bytes> read = read_file(folder_ / "a", 100);
  const Status unpublished = AtomicFile::create(folder_ / "b").value().write("x");
  const bool opened = AppendFile::open(folder_ / "c").ok();
  if (input >= 0) {
    ::dup2(input, STDIN_FILENO);
    ::close(input);
  }
  EXPECT_TRUE(written.ok());
  EXPECT_TRUE(read.ok());
  EXPECT_TRUE(unpublished.ok());
  EXPECT_TRUE(opened);
  EXPECT_EQ(names(), (std::set<std::string>{"a", "c"}));
}

TEST_F(FileTest, AFileTooLargeForMemoryIsAnErrorNotAnEnd) {
  const fs::path path = folder_ / "sparse";
  const int descriptor = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_GE(descriptor, 0);
  const bool sparse = ::ftruncate(descriptor, off_t{1} << 43) == 0;
  ::close(descriptor);
  if (!sparse) GTEST_SKIP() << "this file system has no sparse files of 8 TiB";
#ifdef ASSAY_SANITIZED
  GTEST_SKIP() << "the sanitizers' allocators end the program here";
#endif
  const rlimit before = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    return limit;
  }();
  const rlimit small{std::uint64_t{1} << 40, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &small), 0);
  const Result<Bytes> read = read_file(path, UINT64_MAX);
  const Result<MappedFile> mapped = MappedFile::open(path);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(read.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read.error().reason, "no memory for 8796093022208 bytes");
  EXPECT_EQ(mapped.error().to_string(), path.string() + ": cannot map: Cannot allocate memory");
}

TEST_F(FileTest, MapsFiles) {
  ASSERT_TRUE(write_file(folder_ / "a", "hello").ok());
  MappedFile copy = MappedFile::open(folder_ / "a").value();
  {
    const MappedFile file = copy;
    EXPECT_EQ(file.bytes().data(), copy.bytes().data());
    copy = file;
  }
  copy.advise_sequential();
  EXPECT_EQ(std::string(copy.bytes().begin(), copy.bytes().end()), "hello");
  EXPECT_EQ(copy.path(), folder_ / "a");
  // A file that replaces the mapped one does not change what is mapped.
  ASSERT_TRUE(write_file(folder_ / "a", "jelly").ok());
  EXPECT_EQ(copy.bytes()[0], 'h');
  ASSERT_TRUE(write_file(folder_ / "empty", "").ok());
  const MappedFile empty = MappedFile::open(folder_ / "empty").value();
  empty.advise_sequential();
  EXPECT_TRUE(empty.bytes().empty());
}

TEST_F(FileTest, NothingHasTheFinalNameBeforePublication) {
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  EXPECT_EQ(file.path(), folder_ / "a");
  ASSERT_TRUE(file.write("hello ").ok());
  ASSERT_TRUE(file.write("world").ok());
  const std::set<std::string> during = names();
  ASSERT_EQ(during.size(), 1u);
  EXPECT_THAT(*during.begin(), testing::MatchesRegex("\\.a\\.[0-9a-f]+\\.part"));
  ASSERT_TRUE(file.publish().ok());
  EXPECT_EQ(names(), std::set<std::string>{"a"});
  EXPECT_EQ(content("a"), "hello world");
}

TEST_F(FileTest, UnpublishedLeavesNothingAndTheOldFileWhole) {
  ASSERT_TRUE(write_file(folder_ / "a", "old").ok());
  {
    AtomicFile file = AtomicFile::create(folder_ / "a").value();
    ASSERT_TRUE(file.write("new").ok());
  }
  EXPECT_EQ(names(), std::set<std::string>{"a"});
  EXPECT_EQ(content("a"), "old");
}

TEST_F(FileTest, OverwritesWhatItHasWritten) {
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  ASSERT_TRUE(file.write_at(0, {}).ok());
  ASSERT_TRUE(file.write("????body").ok());
  ASSERT_TRUE(file.write_at(0, Bytes{'h', 'e', 'a', 'd'}).ok());
  ASSERT_TRUE(file.write(" tail").ok());
  ASSERT_TRUE(file.write_at(12, Bytes{'L'}).ok());
  ASSERT_TRUE(file.write_at(13, {}).ok());
  ASSERT_TRUE(file.publish().ok());
  EXPECT_EQ(content("a"), "headbody taiL");
}

TEST_F(FileTest, LargeAndSmallWritesKeepTheirOrder) {
  std::string expected;
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  for (int i = 0; i < 12; ++i) {
    const std::string part(i % 3 == 0 ? (1 << 20) + i : 300'000 + i, static_cast<char>('a' + i));
    ASSERT_TRUE(file.write(part).ok());
    expected += part;
  }
  ASSERT_TRUE(file.publish().ok());
  EXPECT_TRUE(content("a") == expected);
}

TEST_F(FileTest, MovesKeepOneOwner) {
  AtomicFile first = AtomicFile::create(folder_ / "a").value();
  ASSERT_TRUE(first.write("first").ok());
  AtomicFile second(std::move(first));
  AtomicFile third = AtomicFile::create(folder_ / "b").value();
  ASSERT_TRUE(third.write("third").ok());
  third = std::move(second);  // what was to be b goes
  EXPECT_EQ(names().size(), 1u);
  AtomicFile& same = third;
  third = std::move(same);
  ASSERT_TRUE(third.publish().ok());
  EXPECT_EQ(names(), std::set<std::string>{"a"});
  EXPECT_EQ(content("a"), "first");
}

TEST_F(FileTest, RefusesWhatIsNoPlaceForAFile) {
  for (const fs::path& path : {folder_ / "", fs::path("."), folder_ / "..", folder_}) {
    EXPECT_EQ(AtomicFile::create(path).error().code, ErrorCode::kIo) << path;
    EXPECT_EQ(AtomicFile::create(path).error().reason,
              path == folder_ ? "exists and is not a regular file" : "not the name of a file");
  }
  EXPECT_EQ(write_file("/dev/null", "x").error().reason, "exists and is not a regular file");
  EXPECT_EQ(write_file(folder_ / "none" / "a", "x").error().to_string(),
            (folder_ / "none" / "a").string() + ": cannot create: No such file or directory");
}

TEST_F(FileTest, LongNamesHaveTemporaryNamesToo) {
  const std::string name(255, 'n');
  ASSERT_TRUE(write_file(folder_ / name, "x").ok());
  EXPECT_EQ(names(), std::set<std::string>{name});
}

TEST_F(FileTest, RelativeNamesLieInTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  AtomicFile file = AtomicFile::create("plain").value();
  ASSERT_TRUE(file.write("x").ok());
  EXPECT_EQ(names().size(), 1u);
  const Status published = file.publish();
  fs::current_path(before);
  ASSERT_TRUE(published.ok());
  EXPECT_EQ(content("plain"), "x");
}

TEST_F(FileTest, TheCurrentFolderMayBeGone) {
  const fs::path before = fs::current_path();
  fs::create_directory(folder_ / "gone");
  fs::current_path(folder_ / "gone");
  fs::remove(folder_ / "gone");
  const Status written = write_file("a", "x");
  fs::current_path(before);
  EXPECT_EQ(written.error().to_string(), "a: cannot find its directory: No such file or directory");
}

TEST_F(FileTest, ModeIsThatOfNewFiles) {
  const mode_t before = ::umask(027);
  const Status written = write_file(folder_ / "a", "x");
  ::umask(before);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(fs::status(folder_ / "a").permissions(), fs::perms(0640));
}

TEST_F(FileTest, PublicationReportsTheSystemsErrors) {
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  ASSERT_TRUE(file.write("x").ok());
  fs::create_directory(folder_ / "a");  // in the way by now
  const Status published = file.publish();
  ASSERT_FALSE(published.ok());
  EXPECT_THAT(published.error().to_string(),
              testing::StartsWith((folder_ / "a").string() + ": cannot publish: "));
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(FileTest, PublicationReportsANameThatMayNotLast) {
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  ASSERT_TRUE(file.write("x").ok());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status published = file.publish();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(published.error().to_string(),
            (folder_ / "a").string() + ": cannot open its directory: Too many open files");
  EXPECT_EQ(content("a"), "x");
}

TEST_F(FileTest, KeepingAnOldFileIsNotTheOnlyReasonOfARefusal) {
  fs::create_directory(folder_ / "b");
  AtomicFile file = AtomicFile::create(folder_ / "b" / "a").value();
  ASSERT_TRUE(file.write("x").ok());
  fs::remove_all(folder_ / "b");
  const Status published = file.publish(AtomicFile::Existing::kKeep);
  ASSERT_FALSE(published.ok());
  EXPECT_EQ(published.error().code, ErrorCode::kIo);
  EXPECT_THAT(published.error().reason, testing::StartsWith("cannot publish: "));
}

// Like a full disk: the system takes no more bytes than this.
template <class Work>
void with_file_size_limit(std::uint64_t bytes, const Work& work) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::_Exit(3);
  std::_Exit(work() ? 0 : 1);
}

TEST_F(FileTest, AFullDiskIsReportedAndLeavesNothing) {
  const fs::path path = folder_ / "a";
  ASSERT_TRUE(write_file(path, "old").ok());
  const auto says_so = [&](const Status& status) {
    return !status.ok() && status.error().code == ErrorCode::kIo && status.error().place == path.string() &&
           status.error().reason.starts_with("cannot write: ");
  };
  EXPECT_EXIT(with_file_size_limit(100, [&] { return says_so(write_file(path, std::string(200, 'x'))); }),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(with_file_size_limit(100, [&] { return says_so(write_file(path, std::string(2 << 20, 'x'))); }),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(with_file_size_limit(100,
                                   [&] {
                                     AtomicFile file = AtomicFile::create(path).value();
                                     return file.write(std::string(200, 'x')).ok() &&
                                            says_so(file.write_at(0, Bytes{1}));
                                   }),
              testing::ExitedWithCode(0), "");
  // What is overwritten has been written by now.
  EXPECT_EXIT(with_file_size_limit(RLIM_INFINITY,
                                   [&] {
                                     AtomicFile file = AtomicFile::create(path).value();
                                     file.write(std::string(200, 'x')).value();
                                     file.write_at(0, {}).value();
                                     const rlimit limit{100, RLIM_INFINITY};
                                     return ::setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                                            says_so(file.write_at(150, Bytes{1}));
                                   }),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(with_file_size_limit(2,
                                   [&] {
                                     AtomicFile file = AtomicFile::create(path).value();
                                     return file.write(std::string(600'000, 'x')).ok() &&
                                            says_so(file.write(std::string(600'000, 'x')));
                                   }),
              testing::ExitedWithCode(0), "");
  // The last three ended their process without destroying their files: that is what the handler below is for.
  EXPECT_EQ(content("a"), "old");
}

TEST_F(FileTest, OneCallRemovesAllThatIsUnfinished) {
  AtomicFile one = AtomicFile::create(folder_ / "one").value();
  AtomicFile two = AtomicFile::create(folder_ / "two").value();
  ASSERT_TRUE(write_file(folder_ / "done", "x").ok());
  EXPECT_EQ(names().size(), 3u);
  errno = 77;
  remove_unfinished_files();
  EXPECT_EQ(errno, 77);
  EXPECT_EQ(names(), std::set<std::string>{"done"});
  EXPECT_FALSE(one.publish().ok());
}

TEST_F(FileTest, AFullTableIsNoObstacle) {
  std::vector<AtomicFile> files;
  for (int i = 0; i < internal::kUnfinishedSlots + 2; ++i) {
    files.push_back(AtomicFile::create(folder_ / std::to_string(i)).value());
  }
  ASSERT_TRUE(files.back().publish().ok());
  remove_unfinished_files();
  EXPECT_EQ(names().size(), 2u);  // the published one, and one that the table had no room for
  files.clear();
  EXPECT_EQ(names(), std::set<std::string>{std::to_string(internal::kUnfinishedSlots + 1)});
  // All slots are free again.
  std::vector<int> slots;
  for (int i = 0; i < internal::kUnfinishedSlots; ++i)
    slots.push_back(internal::enter_unfinished("/nowhere/x"));
  EXPECT_EQ(std::set<int>(slots.begin(), slots.end()).size(), slots.size());
  EXPECT_EQ(internal::enter_unfinished("/nowhere/x"), -1);
  for (const int slot : slots) internal::leave_unfinished(slot);
  EXPECT_EQ(internal::enter_unfinished(std::string(5000, 'x')), -1);
  EXPECT_EQ(internal::enter_unfinished(std::string(PATH_MAX, 'x')), -1) << "no room for the NUL";
  internal::leave_unfinished(-1);
}

TEST_F(FileTest, BugsOfTheCaller) {
  AtomicFile file = AtomicFile::create(folder_ / "a").value();
  ASSERT_TRUE(file.write("abc").ok());
  ASSERT_TRUE(file.write_at(0, {}).ok());  // written by now: the processes below share where the file ends
  EXPECT_DEATH(static_cast<void>(file.write_at(2, Bytes{1, 2})), "check failed");
  EXPECT_DEATH(static_cast<void>(file.write_at(4, {})), "check failed");
  ASSERT_TRUE(file.publish().ok());
  EXPECT_DEATH(static_cast<void>(file.write("x")), "check failed");
  EXPECT_DEATH(static_cast<void>(file.write_at(0, {})), "check failed");
  EXPECT_DEATH(static_cast<void>(file.publish()), "check failed");
}

}  // namespace
}  // namespace assay
