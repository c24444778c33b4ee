// Trees in files: what was interrupted, cut, flipped, or is used by another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <random>
#include <thread>

#include "base/file.h"
#include "base/wire.h"
#include "tree/kept_file.h"
#include "tree/records.h"
#include "tree/test_support.h"

namespace assay::tree {
namespace {

namespace fs = std::filesystem;
using test::Sample;
using test::SomeLeaves;
using test::TestFolder;

using Indices = std::vector<std::uint64_t>;

std::vector<Sample> kinds() {
  return {test::merkle_sample(2), test::merkle_sample(3), test::verkle_sample(2),
          test::terkle_sample({2, 2})};
}

Root build_at(const fs::path& path, const Sample& sample, LeafKind leaf, const SomeLeaves& leaves) {
  Builder builder = Builder::create(sample.setup, sample.config(leaf), path).value();
  EXPECT_TRUE(builder.add(leaves.all()).ok());
  return std::move(builder).finish().value().root();
}

Bytes contents(const fs::path& path) { return read_file(path, std::uint64_t{1} << 30).value(); }

void put(const fs::path& path, ByteSpan bytes) { ASSERT_TRUE(write_file(path, bytes).ok()); }

TEST(KeptTree, IsTheTreeInMemory) {
  const TestFolder folder;
  for (const Sample& sample : kinds())
    for (const LeafKind leaf : test::leaf_kinds())
      for (const std::size_t count : {0U, 1U, 5U, 16U, 17U, 70U}) {
        const SomeLeaves leaves(leaf, count);
        const fs::path path = folder / "x.tree";
        const Root root = build_at(path, sample, leaf, leaves);
        const Tree kept = Tree::open(path, sample.setup).value();
        const Tree memory = Tree::build(sample.setup, sample.config(leaf), leaves.all()).value();
        EXPECT_EQ(root, memory.root());
        EXPECT_EQ(kept.root(), memory.root());
        EXPECT_EQ(kept.sizes().file_bytes, fs::file_size(path));
        EXPECT_TRUE(kept.check().ok());
        for (std::uint64_t i = 0; i < count; i += 1 + count / 5)
          EXPECT_EQ(kept.prove(Indices{i}).value(), memory.prove(Indices{i}).value());
      }
}

TEST(KeptTree, ChangesLeaveTheFileOfARebuild) {
  const TestFolder folder;
  for (const Sample& sample : kinds())
    for (const std::size_t count : {0U, 1U, 5U, 15U, 16U, 70U}) {
      SomeLeaves leaves(LeafKind::kU64, count);
      build_at(folder / "x.tree", sample, LeafKind::kU64, leaves);
      Tree tree = Tree::open(folder / "x.tree", sample.setup).value();
      if (count > 0) {
        const Indices changed{count / 2};
        const SomeLeaves other(LeafKind::kU64, 1, 8);
        ASSERT_TRUE(tree.update(changed, other.all()).ok());
        leaves.put(changed, other);
        build_at(folder / "y.tree", sample, LeafKind::kU64, leaves);
        EXPECT_EQ(contents(folder / "x.tree"), contents(folder / "y.tree")) << sample.name << ", " << count;
      }
      SomeLeaves longer(LeafKind::kU64, count + 23);
      Indices known(count);
      std::iota(known.begin(), known.end(), 0U);
      longer.put(known, leaves);
      ASSERT_TRUE(tree.append(longer.all().subview(count, 23)).ok());
      build_at(folder / "y.tree", sample, LeafKind::kU64, longer);
      EXPECT_EQ(contents(folder / "x.tree"), contents(folder / "y.tree")) << sample.name << ", " << count;
      EXPECT_TRUE(tree.prove(Indices{count + 22}).ok());
    }
}

// Wherever a change is interrupted, the file is that of the old tree or of the new one once it is opened.
TEST(KeptTree, AnInterruptedChangeIsMadeOrNot) {
  const TestFolder folder;
  for (const Sample& sample : kinds()) {
    const SomeLeaves leaves(LeafKind::kU64, 30), longer(LeafKind::kU64, 50);
    build_at(folder / "old.tree", sample, LeafKind::kU64, leaves);
    const Bytes before = contents(folder / "old.tree");
    build_at(folder / "new.tree", sample, LeafKind::kU64, longer);
    const Bytes after = contents(folder / "new.tree");
    // The journal as a change writes it: all bytes that differ below the old end, and the header last.
    internal::Journal journal;
    journal.end = after.size();
    const std::size_t head = internal::kHeaderBytes;
    journal.patches.push_back({head, Bytes(after.begin() + static_cast<std::ptrdiff_t>(head),
                                           after.begin() + static_cast<std::ptrdiff_t>(before.size()))});
    journal.patches.push_back({0, Bytes(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(head))});
    Bytes ready = before;
    ready.insert(ready.end(), after.begin() + static_cast<std::ptrdiff_t>(before.size()), after.end());
    const std::size_t behind = ready.size();
    const Bytes encoded = journal.encode();
    ready.insert(ready.end(), encoded.begin(), encoded.end());
    const auto open_and_read = [&] {
      const Result<Tree> tree = Tree::open(folder / "x.tree", sample.setup);
      return tree.ok() ? tree->root() : Root{};
    };
    const Root old_root = Tree::open(folder / "old.tree", sample.setup).value().root();
    const Root new_root = Tree::open(folder / "new.tree", sample.setup).value().root();
    // Before the journal is whole: the old tree.
    for (std::size_t size = before.size(); size < ready.size(); size += 1 + (size > behind ? 0 : 37)) {
      put(folder / "x.tree", ByteSpan(ready).first(size));
      ASSERT_EQ(open_and_read(), old_root) << sample.name << ", " << size << " bytes";
    }
    // Once it is, the new one, however much of the change was made.
    for (std::size_t made = 0; made <= before.size(); made += before.size() / 16) {
      Bytes partly = ready;
      std::copy_n(after.begin() + static_cast<std::ptrdiff_t>(before.size() - made), made,
                  partly.begin() + static_cast<std::ptrdiff_t>(before.size() - made));
      put(folder / "x.tree", partly);
      ASSERT_EQ(open_and_read(), new_root) << sample.name << ", " << made << " bytes made";
      ASSERT_EQ(contents(folder / "x.tree"), after);
    }
  }
}

/// Updates a tree for ever, one leaf after the other, and writes how many changes were finished.
[[noreturn]] void change_for_ever(const fs::path& path, const Sample& sample, int report) {
  Tree tree = Tree::open(path, sample.setup).value();
  for (std::uint64_t k = 1;; ++k) {
    const std::vector<std::uint64_t> value{k};
    const Indices index{k % tree.size()};
    const bool changed = k % 5 == 0 ? tree.append(value).ok() : tree.update(index, value).ok();
    if (!changed || ::write(report, &k, sizeof k) != sizeof k) ::_exit(3);
  }
}

TEST(KeptTree, AHundredKillsLoseNothing) {
  const TestFolder folder;
  const std::vector<Sample> all{test::verkle_sample(1), test::merkle_sample(2)};
  std::mt19937 random(3);
  for (int kill = 0; kill < 100; ++kill) {
    const Sample& sample = all[static_cast<std::size_t>(kill) % all.size()];
    const fs::path path = folder / "x.tree";
    const std::vector<std::uint64_t> first(40, 7);
    {
      Builder builder = Builder::create(sample.setup, sample.config(LeafKind::kU64), path).value();
      ASSERT_TRUE(builder.add(first).ok());
      static_cast<void>(std::move(builder).finish().value());
    }
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      set_thread_limit(1);
      change_for_ever(path, sample, ends[1]);
    }
    ::close(ends[1]);
    std::uint64_t told = 0;
    // Not before the first change was made; then at any moment.
    ASSERT_EQ(::read(ends[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    while (::read(ends[0], &told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
    }
    ::close(ends[0]);
    // What was reported is there, and at most one change more.
    const Tree tree = Tree::open(path, sample.setup).value();
    // A change that was cut off may have left bytes behind the tree, which are no part of it.
    if (const Status whole = tree.check(); !whole.ok()) {
      ASSERT_THAT(whole.error().reason, testing::HasSubstr("behind the end"));
    }
    std::vector<std::uint64_t> values = first;
    bool found = false;
    for (std::uint64_t k = 1; k <= told + 1 && !found; ++k) {
      if (k % 5 == 0)
        values.push_back(k);
      else
        values[k % values.size()] = k;
      found = k >= told &&
              tree.root() == Tree::build(sample.setup, sample.config(LeafKind::kU64), values).value().root();
    }
    ASSERT_TRUE(found) << "after " << told << " changes";
  }
}

TEST(KeptTree, EveryByteCutOrFlippedIsNoticed) {
  const TestFolder folder;
  for (const Sample& sample : kinds()) {
    const SomeLeaves leaves(LeafKind::kU64, 9);
    build_at(folder / "x.tree", sample, LeafKind::kU64, leaves);
    const Bytes good = contents(folder / "x.tree");
    for (std::size_t size = 0; size < good.size(); size += size < 600 ? 1 : 7) {
      put(folder / "x.tree", ByteSpan(good).first(size));
      EXPECT_EQ(Tree::open(folder / "x.tree", sample.setup).error().code, ErrorCode::kMalformed) << size;
    }
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes flipped = good;
      flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ 0x10);
      put(folder / "x.tree", flipped);
      const Result<Tree> tree = Tree::open(folder / "x.tree", sample.setup);
      EXPECT_EQ(tree.ok(), i >= internal::kHeaderBytes) << i;
      if (tree.ok()) {
        EXPECT_EQ(tree->check().error().code, ErrorCode::kMalformed) << i;
      }
    }
  }
}

TEST(KeptTree, AHeaderAloneIsOfAFileThatWasCut) {
  const TestFolder folder;
  const fs::path path = folder / "x.tree";
  build_at(path, test::merkle_sample(2), LeafKind::kU64, SomeLeaves(LeafKind::kU64, 9));
  const Bytes good = contents(path);
  const auto reason_of = [&](std::size_t size, bool by_journal) {
    Bytes file(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes journal = internal::Journal{size, {}}.encode();
    if (by_journal) file.insert(file.end(), journal.begin(), journal.end());
    put(path, file);
    const Result<Tree> tree = Tree::open(path);
    return tree.ok() ? std::string() : tree.error().reason;
  };
  const std::size_t head = internal::kHeaderBytes;
  EXPECT_EQ(reason_of(head - 1, false), "511 bytes are no kept tree");
  EXPECT_EQ(reason_of(head - 1, true), "the journal cuts off the header");
  for (const bool by_journal : {false, true})
    EXPECT_THAT(reason_of(head, by_journal), testing::EndsWith("the file was cut"));
}

TEST(KeptTree, SaysWhatTheSystemRefuses) {
  const TestFolder folder;
  EXPECT_EQ(Tree::open(folder / "none").error().to_string(),
            (folder / "none").string() + ": cannot open: No such file or directory");
  // A folder that is longer than a header.
  ASSERT_TRUE(fs::create_directory(folder / "d"));
  for (int i = 0; i < 40; ++i) put(folder / ("d/" + std::to_string(i)), {});
  const Result<Tree> of_folder = Tree::open(folder / "d");
  ASSERT_FALSE(of_folder.ok());
  EXPECT_EQ(of_folder.error().code, ErrorCode::kIo);
  EXPECT_THAT(of_folder.error().reason, testing::StartsWith("cannot map: "));
}

TEST(KeptTree, AFileThatMayNotBeWrittenGivesProofsAlone) {
  const TestFolder folder;
  const fs::path path = folder / "x.tree";
  const Root root = build_at(path, test::merkle_sample(2), LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
  fs::permissions(path, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  // The superuser could write it.
  const bool superuser = ::geteuid() == 0;
  if (superuser && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot become another user";
  Result<Tree> opened = Tree::open(path);
  if (superuser) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  Tree& tree = opened.value();
  EXPECT_TRUE(tree.prove(Indices{1}).ok());
  const Status updated = tree.update(Indices{1}, std::vector<std::uint64_t>{1});
  ASSERT_FALSE(updated.ok());
  EXPECT_EQ(updated.error().code, ErrorCode::kIo);
  EXPECT_EQ(updated.error().reason, "the file may not be written by this user");
  EXPECT_EQ(tree.root(), root);
}

/// While it is there, the system lets no file grow beyond so many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

// The system takes a hundred bytes more, and then none.
TEST(KeptTree, AFullDiskLeavesTheTreeAsItWas) {
  const TestFolder folder;
  const fs::path path = folder / "x.tree";
  for (const Sample& sample : kinds()) {
    const Root root = build_at(path, sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
    const Bytes good = contents(path);
    const SomeLeaves more(LeafKind::kU64, 300, 2);
    Tree tree = Tree::open(path, sample.setup).value();
    std::vector<Status> refused;
    {
      const FileSizeLimit limit(good.size() + 100);
      refused.push_back(tree.append(more.all()));
      refused.push_back(tree.update(Indices{1}, std::vector<std::uint64_t>{1}));
    }
    for (const Status& status : refused) {
      ASSERT_FALSE(status.ok()) << sample.name;
      EXPECT_EQ(status.error().code, ErrorCode::kIo);
      EXPECT_THAT(status.error().reason, testing::StartsWith("cannot write: "));
    }
    EXPECT_EQ(tree.root(), root) << sample.name;
    EXPECT_EQ(contents(path), good) << sample.name;
    EXPECT_TRUE(tree.append(more.all()).ok()) << sample.name;
    EXPECT_TRUE(tree.check().ok()) << sample.name;
  }
}

// Nobody has so many: the view says more than there is. What is let through is read part by part, and the
// file does not take the first one.
TEST(KeptTree, HasAtMostSoManyLeaves) {
  const TestFolder folder;
  const Sample sample = test::merkle_sample(2);
  const std::vector<std::uint64_t> few(std::size_t{1} << 19);
  const auto expect_room_for = [&](std::uint64_t count, const auto& add) {
    const FileSizeLimit limit(4096);
    const Status over = add(std::span(few.data(), count + 1)), all = add(std::span(few.data(), count));
    ASSERT_FALSE(over.ok() || all.ok());
    EXPECT_EQ(over.error().to_string(), "leaves: over 1099511627776");
    EXPECT_THAT(all.error().reason, testing::StartsWith("cannot write: "));
  };
  Builder builder = Builder::create(sample.setup, sample.config(LeafKind::kU64), folder / "x.tree").value();
  expect_room_for(kMaxLeaves, [&](const Leaves& leaves) { return builder.add(leaves); });
  build_at(folder / "y.tree", sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
  Tree tree = Tree::open(folder / "y.tree").value();
  expect_room_for(kMaxLeaves - 20, [&](const Leaves& leaves) { return tree.append(leaves); });
}

// The first file that such a process opens has the number 0.
TEST(KeptTree, MayBeOpenedByAProcessWithoutStandardInput) {
  const TestFolder folder;
  const fs::path path = folder / "x.tree";
  build_at(path, test::merkle_sample(2), LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
  const int input = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  {
    Result<Tree> tree = Tree::open(path);
    EXPECT_EQ(::lseek(STDIN_FILENO, 0, SEEK_END), static_cast<off_t>(fs::file_size(path)));
    EXPECT_TRUE(tree.ok());
    if (tree.ok()) {
      EXPECT_TRUE(tree->update(Indices{1}, std::vector<std::uint64_t>{1}).ok());
    }
  }
  if (input >= 0) {
    ASSERT_EQ(::dup2(input, STDIN_FILENO), STDIN_FILENO);
    ::close(input);
  }
}

TEST(KeptTree, BytesBehindTheTreeAreNamedUntilAChangeCutsThemOff) {
  const TestFolder folder;
  for (const Sample& sample : kinds()) {
    const fs::path path = folder / "x.tree";
    build_at(path, sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, 9));
    Bytes more = contents(path);
    more.insert(more.end(), {1, 2, 3, 4, 5});
    put(path, more);
    Tree tree = Tree::open(path, sample.setup).value();
    const Status checked = tree.check();
    EXPECT_EQ(checked.error().code, ErrorCode::kMalformed);
    EXPECT_THAT(checked.error().reason, testing::StartsWith("5 bytes behind the end of the tree"));
    ASSERT_TRUE(tree.update(Indices{1}, std::vector<std::uint64_t>{1}).ok());
    EXPECT_TRUE(tree.check().ok());
  }
}

TEST(KeptTree, ADamagedRecordGivesNoProof) {
  const TestFolder folder;
  const Sample sample = test::verkle_sample(2);
  build_at(folder / "x.tree", sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
  Bytes bytes = contents(folder / "x.tree");
  bytes[internal::kHeaderBytes + 3] ^= 1;
  put(folder / "x.tree", bytes);
  Tree tree = Tree::open(folder / "x.tree", sample.setup).value();
  EXPECT_EQ(tree.prove(Indices{0}).error().code, ErrorCode::kMalformed);
  EXPECT_THAT(tree.prove(Indices{0}).error().reason, testing::HasSubstr("height 1, position 0"));
  EXPECT_EQ(tree.update(Indices{1}, std::vector<std::uint64_t>{1}).error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(tree.prove(Indices{7}).ok());
}

TEST(KeptTree, OneWritesAtATime) {
  const TestFolder folder;
  const Sample sample = test::merkle_sample(2);
  build_at(folder / "x.tree", sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, 20));
  Tree first = Tree::open(folder / "x.tree").value();
  {
    const Tree second = Tree::open(folder / "x.tree").value();
    const Status status = first.update(Indices{1}, std::vector<std::uint64_t>{1});
    EXPECT_EQ(status.error().code, ErrorCode::kIo);
    EXPECT_THAT(status.error().reason, testing::HasSubstr("open elsewhere"));
    // A change that was refused leaves the first its place among the readers.
    Tree third = Tree::open(folder / "x.tree").value();
    EXPECT_THAT(third.append(std::vector<std::uint64_t>{1, 2, 3}).error().reason,
                testing::HasSubstr("open elsewhere"));
  }
  {
    Tree second = Tree::open(folder / "x.tree").value();
    ASSERT_FALSE(first.update(Indices{1}, std::vector<std::uint64_t>{1}).ok());
    EXPECT_FALSE(second.append(std::vector<std::uint64_t>(200, 7)).ok());
  }
  EXPECT_EQ(Tree::open(folder / "x.tree")->size(), 20U);
  EXPECT_TRUE(first.update(Indices{1}, std::vector<std::uint64_t>{1}).ok());
}

TEST(KeptTree, WithoutItsSetupGivesThePublicPart) {
  const TestFolder folder;
  const Sample sample = test::terkle_sample({2, 2});
  const Root root = build_at(folder / "x.tree", sample, LeafKind::kI64, SomeLeaves(LeafKind::kI64, 20));
  Tree tree = Tree::open(folder / "x.tree").value();
  EXPECT_EQ(tree.root(), root);
  EXPECT_EQ(tree.sizes().nodes, 5U + 2U + 1U);
  EXPECT_EQ(tree.sizes().memory_bytes, 0U);
  EXPECT_EQ(tree.prove(Indices{0}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(tree.append(std::vector<std::int64_t>{1}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(Tree::open(folder / "x.tree", test::verkle_sample(2).setup).error().code, ErrorCode::kMismatch);
  // Of the same shape, and of other secrets.
  const Axes axes = Axes::from(std::vector<std::uint64_t>{2, 2}, "axes").value();
  const Result<Tree> other = Tree::open(folder / "x.tree", Setup::of(pst::Srs::dev(axes, 7).value()).value());
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().reason, testing::HasSubstr("not of this setup"));
}

TEST(KeptTree, AnUnfinishedBuildLeavesNoFile) {
  const TestFolder folder;
  {
    Builder builder =
        Builder::create(Setup::merkle(), test::merkle_sample(2).config(LeafKind::kU64), folder / "x.tree")
            .value();
    ASSERT_TRUE(builder.add(std::vector<std::uint64_t>(1000)).ok());
  }
  EXPECT_FALSE(fs::exists(folder / "x.tree"));
}

TEST(Records, OfAMerkleTreeHaveTheLeastPowerOfTheArityFrom64On) {
  const std::vector<std::pair<std::uint32_t, std::uint64_t>> cases{{2, 64}, {3, 81},  {4, 64}, {5, 125},
                                                                   {8, 64}, {64, 64}, {65, 65}};
  for (const auto& [arity, children] : cases)
    EXPECT_EQ(internal::Records(test::merkle_sample(arity).config(LeafKind::kU64)).fan_out(), children)
        << arity;
}

TEST(Header, HasItsLength) {
  const Root root{Config{Kind::kMerkle, LeafKind::kU64, {2}, {}}, 3, {}};
  Bytes bytes = internal::encode_header(root);
  EXPECT_EQ(internal::decode_header(bytes, "x").value(), root);
  bytes.push_back(0);
  EXPECT_EQ(internal::decode_header(bytes, "x").error().reason, "513 bytes, it has 512");
  bytes.resize(511);
  EXPECT_EQ(internal::decode_header(bytes, "x").error().reason, "511 bytes, it has 512");
}

TEST(Journal, IsFoundWholeOrNotAtAll) {
  internal::Journal journal;
  journal.end = 100;
  journal.patches = {{3, Bytes{1, 2, 3}}, {90, Bytes(10)}, {0, {}}};
  Bytes file(100);
  const Bytes encoded = journal.encode();
  file.insert(file.end(), encoded.begin(), encoded.end());
  EXPECT_EQ(internal::find_journal(file), journal);
  for (std::size_t i = 100; i < file.size(); ++i) {
    Bytes flipped = file;
    flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ 1);
    EXPECT_FALSE(internal::find_journal(flipped)) << i;
    EXPECT_FALSE(internal::find_journal(ByteSpan(file).first(i))) << i;
  }
  for (std::size_t size = 0; size < encoded.size(); ++size)
    EXPECT_FALSE(internal::find_journal(ByteSpan(encoded).last(size))) << "without the tree, " << size;
  // Up to the end and behind it, with a checksum that is right.
  journal.patches = {{95, Bytes(5)}};
  file.resize(100);
  const Bytes inside = journal.encode();
  file.insert(file.end(), inside.begin(), inside.end());
  EXPECT_EQ(internal::find_journal(file), journal);
  journal.patches = {{95, Bytes(6)}};
  file.resize(100);
  const Bytes outside = journal.encode();
  file.insert(file.end(), outside.begin(), outside.end());
  EXPECT_FALSE(internal::find_journal(file));
  for (const std::uint64_t offset : {100U, 101U}) {
    journal.patches = {{offset, {}}};
    file.resize(100);
    const Bytes empty = journal.encode();
    file.insert(file.end(), empty.begin(), empty.end());
    EXPECT_EQ(internal::find_journal(file).has_value(), offset == 100) << offset;
  }
  EXPECT_EQ(internal::find_journal(internal::Journal{}.encode()), internal::Journal{});
}

TEST(Journal, HoldsAsManyChangesAsItSays) {
  const auto is_found = [](ByteSpan changes, std::uint32_t count) {
    WireWriter writer;
    writer.raw(changes).u64(0).u32(count);
    Bytes file = writer.take();
    const Digest sum = sha256(file);
    file.insert(file.end(), sum.begin(), sum.end());
    for (const char c : std::string_view("assay/tree/journal/v1"))
      file.push_back(static_cast<std::uint8_t>(c));
    return internal::find_journal(file).has_value();
  };
  const Bytes change(12);  // no bytes, at offset 0
  EXPECT_TRUE(is_found(change, 1));
  EXPECT_FALSE(is_found(change, 0));
  EXPECT_FALSE(is_found(change, 2));
  EXPECT_FALSE(is_found(ByteSpan(change).first(8), 1));
  EXPECT_FALSE(is_found(ByteSpan(change).first(4), 1));
  EXPECT_FALSE(is_found(ByteSpan(change).first(3), 1));
}

}  // namespace
}  // namespace assay::tree
