#include <asyncio/event_loop.hpp>

#include <gtest/gtest.h>

#include <memory>

#include <unistd.h>

namespace {

/// Owned by its own reader callback, as connections often are: it stops watching as it goes.
struct Connection {
  asyncio::EventLoop& loop;
  int fd;
  ~Connection() { loop.remove_reader(fd); }
};

}  // namespace

// LOOP-070
TEST(WatcherLifetime, ReplacingAReaderWhoseCallbackRemovesItInItsDestructorIsSafe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto loop = asyncio::new_event_loop();
  auto connection = std::make_shared<Connection>(Connection{*loop, ends[0]});
  const std::weak_ptr<Connection> weak = connection;
  loop->add_reader(ends[0], [c = std::move(connection)] {});
  loop->add_reader(ends[0], [] {});
  EXPECT_TRUE(weak.expired());
  loop->close();
  ::close(ends[0]);
  ::close(ends[1]);
}
