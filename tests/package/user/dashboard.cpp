#include <asyncio/dashboard.hpp>

#include <iostream>

int main() {
  const asyncio::dashboard::Dashboard dashboard;
  std::cout << dashboard.url().substr(0, 17) << std::endl;
}
