#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace support {

/// A pipe, blocking and closed on exec: fds[0] is read from, fds[1] written to.
struct PipeEnds {
  PipeEnds() {
    if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("PipeEnds: none can be made");
  }
  PipeEnds(const PipeEnds&) = delete;
  PipeEnds& operator=(const PipeEnds&) = delete;
  ~PipeEnds() {
    ::close(fds[0]);
    close_writing();
  }
  void close_writing() {
    if (fds[1] >= 0) ::close(std::exchange(fds[1], -1));
  }

  int fds[2] = {-1, -1};
};

}  // namespace support
