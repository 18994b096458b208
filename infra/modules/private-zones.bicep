// Private DNS zones, linked to the network whose names they answer.

@description('Names of the zones.')
param names array

@description('The network.')
param virtualNetworkId string

@description('Tags.')
param tags object

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for name in names: {
  name: name
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (name, index) in names: {
  parent: zones[index]
  name: 'sweep'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetworkId
    }
  }
}]

output ids array = [for (name, index) in names: zones[index].id]
